package registrar

import (
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"presenced/internal/store"
	"presenced/sip"
)

// reply is step 8: 200 with all current bindings, and the Path of the request
// (RFC 3327 s.5.3).
func (g *Registrar) reply(r *sip.Request, bindings []store.Binding) *sip.Response {
	res := sip.NewResponse(sip.StatusOK)
	for i := range bindings {
		res.Header = append(res.Header, sip.Field{Name: "Contact", Value: contactValue(&bindings[i])})
	}
	for _, v := range r.Values("Path") {
		res.Header = append(res.Header, sip.Field{Name: "Path", Value: v})
	}
	res.Header = append(res.Header,
		sip.Field{Name: "Date", Value: g.date.now()},
		sip.Field{Name: "Supported", Value: "path"})
	return res
}

func contactValue(b *store.Binding) string {
	var room [256]byte
	s := append(room[:0], '<')
	s = append(s, b.Contact...)
	s = append(s, '>')
	s = append(s, b.Params...)
	if b.Q != defaultQ {
		s = append(s, ";q="...)
		s = append(s, formatQ(b.Q)...)
	}
	s = append(s, ";expires="...)
	s = strconv.AppendInt(s, int64((b.TTL+time.Second-1)/time.Second), 10)
	return string(s)
}

// formatQ writes thousandths as a qvalue.
func formatQ(q uint16) string {
	digits := strconv.Itoa(1000 + int(min(q, 999)))[1:]
	return strings.TrimSuffix("0."+strings.TrimRight(digits, "0"), ".")
}

// dateFormat is SIP-date (RFC 3261 s.20.17), always GMT.
const dateFormat = "Mon, 02 Jan 2006 15:04:05 GMT"

// date writes the present second once.
type date struct{ last atomic.Pointer[written] }

type written struct {
	second time.Time // its beginning
	text   string
}

func (d *date) now() string {
	w := d.last.Load()
	if w == nil || time.Since(w.second) >= time.Second {
		now := time.Now()
		begin := now.Add(-time.Duration(now.Nanosecond())) // Truncate would lose the monotonic clock, which is cheap to read
		w = &written{begin, now.UTC().Format(dateFormat)}
		d.last.Store(w)
	}
	return w.text
}
