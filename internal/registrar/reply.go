package registrar

import (
	"strconv"
	"strings"
	"time"

	"presenced/internal/store"
	"presenced/sip"
)

// dateFormat is SIP-date (RFC 3261 s.20.17), always GMT.
const dateFormat = "Mon, 02 Jan 2006 15:04:05 GMT"

// reply is step 8: 200 with all current bindings, and the Path of the request
// (RFC 3327 s.5.3).
func reply(r *sip.Request, bindings []store.Binding) *sip.Response {
	header := make([]sip.Field, 0, len(bindings)+3)
	for i := range bindings {
		header = append(header, sip.Field{Name: "Contact", Value: contactValue(&bindings[i])})
	}
	for _, v := range r.Values("Path") {
		header = append(header, sip.Field{Name: "Path", Value: v})
	}
	header = append(header,
		sip.Field{Name: "Date", Value: time.Now().UTC().Format(dateFormat)},
		sip.Field{Name: "Supported", Value: "path"})
	return &sip.Response{Code: sip.StatusOK, Header: header}
}

func contactValue(b *store.Binding) string {
	var s strings.Builder
	s.WriteString("<" + b.Contact + ">" + b.Params)
	if b.Q != defaultQ {
		s.WriteString(";q=" + formatQ(b.Q))
	}
	s.WriteString(";expires=")
	s.WriteString(strconv.FormatInt(int64((b.TTL+time.Second-1)/time.Second), 10))
	return s.String()
}

// formatQ writes thousandths as a qvalue.
func formatQ(q uint16) string {
	digits := strconv.Itoa(1000 + int(min(q, 999)))[1:]
	return strings.TrimSuffix("0."+strings.TrimRight(digits, "0"), ".")
}
