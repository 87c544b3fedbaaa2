package registrar

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"presenced/internal/store"
	"presenced/sip"
)

// wanted is one contact of a REGISTER.
type wanted struct {
	uri     sip.URI
	text    string // of uri
	params  string
	q       uint16
	seconds uint32 // granted; 0 removes
	flow    string // packed
}

// contacts reads the Contact fields; star is "Contact: *" (step 6).
func (g *Registrar) contacts(r *sip.Request) (list []wanted, star bool, err error) {
	addresses, err := r.Contacts()
	if err != nil {
		return nil, false, sip.Errorf(sip.StatusBadRequest, "Malformed Contact").Because(err)
	}
	seconds, given, err := r.Expires()
	if err != nil {
		return nil, false, sip.Errorf(sip.StatusBadRequest, "Malformed Expires").Because(err)
	}
	if slices.ContainsFunc(addresses, func(a sip.Address) bool { return a.Star }) {
		if len(addresses) > 1 || !given || seconds != 0 {
			return nil, false, sip.Errorf(sip.StatusBadRequest, "Contact: * needs Expires: 0 and no other Contact")
		}
		return nil, true, nil
	}
	if len(addresses) > g.Limit {
		return nil, false, sip.Errorf(sip.StatusForbidden, "Too many contacts")
	}
	if !given {
		seconds = g.Expires.Default
	}
	for i := range addresses {
		w, err := g.wanted(&addresses[i], seconds)
		if err != nil {
			return nil, false, err
		}
		list = add(list, w)
	}
	return list, false, nil
}

// add appends w; of two equal contacts in one request the later one counts.
func add(list []wanted, w wanted) []wanted {
	at := slices.IndexFunc(list, func(v wanted) bool { return v.uri.Equal(&w.uri) })
	if at < 0 {
		return append(list, w)
	}
	list[at] = w
	return list
}

// wanted reads one contact. seconds is what the request as a whole asks for.
// A contact "MAY use any URI scheme" (RFC 3261 s.10.2.1): others than sip and
// sips are kept and listed, but no MESSAGE can go there.
func (g *Registrar) wanted(a *sip.Address, seconds uint32) (wanted, error) {
	if g.Ours(&a.URI) { // each request to the inbox would come back here
		return wanted{}, sip.Errorf(sip.StatusForbidden, "The Contact is this agent's own address")
	}
	w := wanted{uri: a.URI, text: a.URI.String(), q: defaultQ}
	var kept strings.Builder
	for name, value := range a.Params.All {
		switch {
		case strings.EqualFold(name, "expires"):
			seconds = deltaSeconds(value)
		case strings.EqualFold(name, "q"):
			q, ok := parseQ(value)
			if !ok {
				return wanted{}, sip.Errorf(sip.StatusBadRequest, "Malformed q in Contact")
			}
			w.q = q
		default:
			kept.WriteByte(';')
			kept.WriteString(name)
			if value != "" {
				kept.WriteByte('=')
				kept.WriteString(value)
			}
		}
	}
	w.params = kept.String()
	var err error
	w.seconds, err = g.grant(seconds)
	return w, err
}

// deltaSeconds reads the expires parameter. RFC 3261 s.10.2: a value above
// 2^32-1 is taken as that, a malformed one as 3600.
func deltaSeconds(value string) uint32 {
	if value == "" || strings.Trim(value, "0123456789") != "" {
		return 3600
	}
	n, err := strconv.ParseUint(value, 10, 32)
	if err != nil {
		return math.MaxUint32
	}
	return uint32(n)
}

// grant is the lifetime that we choose for the one asked for (step 7). Too
// brief is only what is less than an hour.
func (g *Registrar) grant(seconds uint32) (uint32, error) {
	if seconds > 0 && seconds < 3600 && seconds < g.Expires.Min {
		return 0, sip.Errorf(sip.StatusIntervalTooBrief, "").With("Min-Expires", strconv.Itoa(int(g.Expires.Min)))
	}
	return min(seconds, g.Expires.Max), nil
}

// defaultQ stands where a contact gives no q: none is preferred to it.
const defaultQ = 1000

// parseQ reads a qvalue in thousandths (RFC 3261 s.25.1); further digits are
// let pass.
func parseQ(s string) (uint16, bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	if whole != "0" && whole != "1" && (whole != "" || fraction == "") || strings.Trim(fraction, "0123456789") != "" {
		return 0, false
	}
	n := 0
	for i := range 3 {
		n *= 10
		if i < len(fraction) {
			n += int(fraction[i] - '0')
		}
	}
	if whole == "1" {
		return defaultQ, strings.Trim(fraction, "0") == ""
	}
	return uint16(n), true
}

// matches compares by RFC 3261 s.19.1.4.
func (w *wanted) matches(b store.Binding) bool {
	if b.Contact == w.text {
		return true
	}
	u, err := sip.ParseURI(b.Contact)
	return err == nil && u.Equal(&w.uri)
}

func (w *wanted) binding(origin *store.Binding) store.Binding {
	b := *origin
	b.Contact, b.Params, b.Q, b.Flow = w.text, w.params, w.q, w.flow
	b.TTL = time.Duration(w.seconds) * time.Second
	return b
}
