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
	uri     *sip.URI
	params  sip.Params
	q       uint16
	seconds uint32 // granted; 0 removes
	flow    sip.Flow
}

// contacts reads the Contact fields; "Contact: *" is star (step 6).
func (g *Registrar) contacts(u *update, r *sip.Request) error {
	addresses, err := r.Contacts()
	if err != nil {
		return sip.Errorf(sip.StatusBadRequest, "Malformed Contact").Because(err)
	}
	seconds, given, err := r.Expires()
	if err != nil {
		return sip.Errorf(sip.StatusBadRequest, "Malformed Expires").Because(err)
	}
	if slices.ContainsFunc(addresses, isStar) {
		if len(addresses) > 1 || !given || seconds != 0 {
			return sip.Errorf(sip.StatusBadRequest, "Contact: * needs Expires: 0 and no other Contact")
		}
		u.star = true
		return nil
	}
	if len(addresses) > g.Limit {
		return sip.Errorf(sip.StatusForbidden, "Too many contacts")
	}
	if !given {
		seconds = g.Expires.Default
	}
	for i := range addresses {
		w, err := g.wanted(&addresses[i], seconds)
		if err != nil {
			return err
		}
		u.wanted = add(u.wanted, w)
	}
	return nil
}

func isStar(a sip.Address) bool { return a.Star }

// add appends w; of two equal contacts in one request the later one counts.
func add(list []wanted, w wanted) []wanted {
	for i := range list {
		if list[i].uri.Equal(w.uri) {
			list[i] = w
			return list
		}
	}
	return append(list, w)
}

// wanted reads one contact. seconds is what the request as a whole asks for.
// A contact "MAY use any URI scheme" (RFC 3261 s.10.2.1): others than sip and
// sips are kept and listed, but no MESSAGE can go there.
func (g *Registrar) wanted(a *sip.Address, seconds uint32) (w wanted, err error) {
	if g.Ours(&a.URI) { // each request to the inbox would come back here
		return w, sip.Errorf(sip.StatusForbidden, "The Contact is this agent's own address")
	}
	w = wanted{uri: &a.URI, params: a.Params, q: defaultQ}
	for name, value := range a.Params.All {
		switch {
		case strings.EqualFold(name, "expires"):
			seconds = deltaSeconds(value)
		case strings.EqualFold(name, "q"):
			q, ok := parseQ(value)
			if !ok {
				return w, sip.Errorf(sip.StatusBadRequest, "Malformed q in Contact")
			}
			w.q = q
		}
	}
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

// in is the place of the contact's binding, -1 where it has none. They are
// compared by RFC 3261 s.19.1.4.
func (w *wanted) in(bindings []store.Binding) int {
	var room [256]byte
	text := w.uri.AppendTo(room[:0])
	for i := range bindings {
		if bindings[i].Contact == string(text) {
			return i
		}
		if u, err := sip.ParseURI(bindings[i].Contact); err == nil && u.Equal(w.uri) {
			return i
		}
	}
	return -1
}

// write makes b the contact's binding. What is stored outlives the request's
// bytes and is cloned; most of what a refresh brings is in b already.
func (w *wanted) write(b, origin *store.Binding) {
	var room [256]byte
	keep(&b.Contact, w.uri.AppendTo(room[:0]))
	keep(&b.Params, appendParams(room[:0], w.params))
	keep(&b.Flow, w.flow.AppendTo(room[:0]))
	b.Withdrawn = b.Withdrawn && b.CallID == origin.CallID // else a program that has begun anew
	keep(&b.CallID, append(room[:0], origin.CallID...))
	keep(&b.UserAgent, append(room[:0], origin.UserAgent...))
	b.Path, b.CSeq, b.Agent = origin.Path, origin.CSeq, origin.Agent
	b.Q, b.TTL = w.q, time.Duration(w.seconds)*time.Second
}

// keep sets a string where it has to be another.
func keep(s *string, to []byte) {
	if *s != string(to) {
		*s = string(to)
	}
}

// appendParams appends a contact's parameters as they are kept: without those
// that the binding says otherwise.
func appendParams(dst []byte, params sip.Params) []byte {
	for name, value := range params.All {
		if strings.EqualFold(name, "expires") || strings.EqualFold(name, "q") {
			continue
		}
		dst = append(append(dst, ';'), name...)
		if value != "" {
			dst = append(append(dst, '='), value...)
		}
	}
	return dst
}
