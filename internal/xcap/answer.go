package xcap

import (
	"net/http"
	"strconv"
)

// answer is a response before it is written.
type answer struct {
	code   int
	header fields
	media  string // Content-Type; "" without a body
	body   []byte
}

// fields are names and values by turns.
type fields []string

// sentence is an answer in words; without any, those of the code.
func sentence(code int, text string) *answer {
	if text == "" {
		text = http.StatusText(code)
	}
	return &answer{code: code, media: "text/plain; charset=utf-8", body: []byte(text + "\n")}
}

// write writes the answer. A client that has gone needs none; net/http leaves the body out of an answer to HEAD.
func (a *answer) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Cache-Control", "private, no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	for i := 0; i+1 < len(a.header); i += 2 {
		h.Add(a.header[i], a.header[i+1])
	}
	if a.media != "" {
		h.Set("Content-Type", a.media)
	}
	if a.code != http.StatusNoContent && a.code != http.StatusNotModified {
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.code)
	w.Write(a.body)
}
