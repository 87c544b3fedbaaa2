package xcap

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"presenced/internal/store"
)

// maxDocument is the largest document in bytes, as package policy reads them.
const maxDocument = 1 << 20

// attempts is how often a write is tried while others write the same document in between.
const attempts = 8

func entityTag(d *store.Document) fields { return fields{"ETag", `"` + d.Tag + `"`} }

// get answers GET and HEAD (RFC 4825 s.8.3).
func (s *Server) get(r *http.Request, t *target) (*answer, error) {
	condition, err := parseCondition(r.Header)
	if err != nil {
		return nil, err
	}
	d, err := s.Documents.Document(r.Context(), t.aor, t.usage.name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, errNone(t)
	case err != nil:
		return nil, err
	case condition.match.present && !condition.match.matches(d.Tag):
		return nil, errPrecondition()
	case condition.noneMatch.present && condition.noneMatch.matchesWeakly(d.Tag): // RFC 9110 s.13.2.2, step 3
		return &answer{code: http.StatusNotModified, header: entityTag(&d)}, nil
	}
	return &answer{code: http.StatusOK, header: entityTag(&d), media: t.usage.media, body: d.Body}, nil
}

// defaults is the document with which an editor begins where there is none: from the first one on, who matches no rule
// is blocked (RFC 5025 s.3.2.1).
func (s *Server) defaults(t *target) (*answer, error) {
	if s.Defaults == nil {
		return nil, errNone(t)
	}
	doc, err := s.Defaults()
	if err != nil {
		return nil, err
	}
	return &answer{code: http.StatusOK, media: t.usage.media, body: doc}, nil
}

func errNone(t *target) error {
	return refuse(http.StatusNotFound, t.aor+" has no "+t.usage.name+" document")
}

// put creates or replaces a document (RFC 4825 s.8.2). Its conditions count only if it could be stored (RFC 9110
// s.13.2.1).
func (s *Server) put(w http.ResponseWriter, r *http.Request, t *target) (*answer, error) {
	condition, err := parseCondition(r.Header)
	if err != nil {
		return nil, err
	}
	body, err := readDocument(w, r, t.usage.media)
	if err != nil {
		return nil, err
	}
	if err := t.usage.check(body, t.aor); err != nil {
		return nil, err
	}
	d := store.Document{AOR: t.aor, Name: t.usage.name, Tag: rand.Text(), Body: body}
	return s.replace(r, &condition, d)
}

// replace puts d in the place of what is stored. A write in between makes it look again, so that the conditions, and
// whether it was created (201) or replaced (200), are true of what it took the place of.
func (s *Server) replace(r *http.Request, condition *condition, d store.Document) (*answer, error) {
	for range attempts {
		stored, err := s.Documents.Document(r.Context(), d.AOR, d.Name)
		code, expected := http.StatusOK, stored.Tag
		if errors.Is(err, store.ErrNotFound) {
			code, expected, stored.Tag = http.StatusCreated, store.MatchMissing, ""
		} else if err != nil {
			return nil, err
		}
		if err := condition.check(stored.Tag); err != nil {
			if isRepeat(condition, &stored, &d) {
				return &answer{code: code, header: entityTag(&stored)}, nil
			}
			return nil, err
		}
		err = s.Documents.PutDocument(r.Context(), d, expected)
		if err == nil {
			s.changed(d.AOR, d.Name)
			return &answer{code: code, header: entityTag(&d)}, nil
		}
		if !errors.Is(err, store.ErrNoMatch) {
			return nil, err
		}
	}
	return nil, errBusy(&d)
}

// isRepeat says whether a PUT whose If-Match failed was made before, so that a client that did not hear our answer may
// ask again. RFC 9110 s.13.1.1 allows it, s.13.1.2 does not for If-None-Match.
func isRepeat(c *condition, stored, d *store.Document) bool {
	return c.match.present && !c.noneMatch.present && stored.Tag != "" && bytes.Equal(stored.Body, d.Body)
}

func errBusy(d *store.Document) error {
	return refuse(http.StatusServiceUnavailable, "others write "+d.Name+" of "+d.AOR+" all the time").With("Retry-After", "1")
}

// delete answers DELETE (RFC 4825 s.8.4).
func (s *Server) delete(r *http.Request, t *target) (*answer, error) {
	condition, err := parseCondition(r.Header)
	if err != nil {
		return nil, err
	}
	for range attempts {
		stored, err := s.Documents.Document(r.Context(), t.aor, t.usage.name)
		if err == nil {
			if err := condition.check(stored.Tag); err != nil {
				return nil, err
			}
			err = s.Documents.DeleteDocument(r.Context(), t.aor, t.usage.name, stored.Tag)
		}
		switch {
		case errors.Is(err, store.ErrNotFound):
			s.changed(t.aor, t.usage.name) // one that the store has lost may be in force yet
			return nil, errNone(t)
		case err == nil:
			s.changed(t.aor, t.usage.name)
			return &answer{code: http.StatusOK}, nil
		case !errors.Is(err, store.ErrNoMatch):
			return nil, err
		}
	}
	return nil, errBusy(&store.Document{AOR: t.aor, Name: t.usage.name})
}

func (s *Server) changed(aor, name string) {
	if s.Changed != nil {
		s.Changed(aor, name)
	}
}

// readDocument reads a PUT's content: the whole document, as it is.
func readDocument(w http.ResponseWriter, r *http.Request, mediaType string) ([]byte, error) {
	if r.Header.Get("Content-Range") != "" { // RFC 9110 s.14.5: 400 where it is not understood
		return nil, refuse(http.StatusBadRequest, "Content-Range: only whole documents are stored")
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != mediaType { // RFC 4825 s.8.2.2
		return nil, refuse(http.StatusUnsupportedMediaType, "the document's Content-Type is "+mediaType).With("Accept", mediaType)
	}
	if c := r.Header.Get("Content-Encoding"); c != "" && !strings.EqualFold(c, "identity") { // RFC 9110 s.15.5.16
		return nil, refuse(http.StatusUnsupportedMediaType, "no Content-Encoding is understood").With("Accept-Encoding", "identity")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxDocument))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, refuse(http.StatusRequestEntityTooLarge, fmt.Sprintf("a document has %d bytes at most", maxDocument))
	case err != nil:
		return nil, refuse(http.StatusBadRequest, "the document did not come whole").Because(err)
	}
	return body, nil
}
