package main

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// reception prints the messages that arrive, and counts them.
type reception struct {
	agent  *agent
	most   uint // 0: no end
	enough context.CancelFunc

	mu    sync.Mutex
	count uint
}

// inbox registers and prints messages until Ctrl-C, or until --count of them
// came.
func inbox(ctx context.Context, a *agent, _ []string) error {
	ctx, enough := context.WithCancel(ctx)
	defer enough()
	r := &reception{agent: a, most: a.options.count, enough: enough}
	a.received = r.receive
	return a.newRegistration().hold(ctx)
}

// receive takes a MESSAGE (RFC 3428 s.7). Every MIME type is taken: what is no
// text is printed by type and size.
func (r *reception) receive(m *sip.Request) reply {
	if coding := headerValue(m, "Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return reply{code: 415, reason: "Unsupported Content-Encoding", fields: []sip.Header{sip.NewHeader("Accept-Encoding", "identity")}}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.most > 0 && r.count == r.most {
		return reply{code: 480, reason: "Leaving"}
	}
	r.count++
	r.print(m)
	p := reply{code: 200, reason: "OK"} // RFC 3428 s.7: without a body
	if r.count == r.most {
		p.after = r.enough
	}
	return p
}

func (r *reception) print(m *sip.Request) {
	body := m.Body()
	kind, parameters := parameters(headerValue(m, "Content-Type"))
	if kind == "" {
		kind = "text/plain" // RFC 3428 s.7: what every agent has to take
	}
	size := len(body)
	from := m.From()
	e := event{
		Event: "message", From: from.Address.String(), To: m.To().Address.String(), Name: from.DisplayName,
		Type: kind, Size: &size,
	}
	sender := name(from.Address)
	if e.Expired = expired(m, r.agent.terminal.now()); e.Expired {
		sender += " (expired)"
	}
	text, ok := decode(body, kind, parameters["charset"])
	if !ok {
		r.agent.out.tell(e, "%s sends %s, %d bytes", sender, printable(kind), size)
		return
	}
	e.Text = &text
	lines := strings.Split(strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), "\n")
	for i := range lines {
		lines[i] = printable(strings.ReplaceAll(lines[i], "\t", "    "))
	}
	r.agent.out.tell(e, "%s: %s", sender, strings.Join(lines, "\n         "))
}

// expired says whether a message's time was over when it came. RFC 3428 s.7:
// Expires counts from Date, and who shows it anyway says so.
func expired(m *sip.Request, now time.Time) bool {
	date, err := time.Parse(time.RFC1123, headerValue(m, "Date")) // RFC 3261 s.20.17: always GMT
	if err != nil {
		return false
	}
	seconds, err := strconv.ParseUint(headerValue(m, "Expires"), 10, 31)
	return err == nil && now.After(date.Add(time.Duration(seconds)*time.Second))
}

// decode returns a text's characters, and false for what is no text or in a
// charset that is not known here. COMPAT: linphone leaves the charset out and
// means UTF-8.
func decode(body []byte, kind, charset string) (string, bool) {
	if !strings.HasPrefix(kind, "text/") {
		return "", false
	}
	switch strings.ToLower(charset) {
	case "", "utf-8", "utf8", "us-ascii":
		return strings.ToValidUTF8(string(body), "\uFFFD"), true
	case "iso-8859-1", "latin1":
		runes := make([]rune, len(body))
		for i, b := range body {
			runes[i] = rune(b)
		}
		return string(runes), true
	}
	return "", false
}
