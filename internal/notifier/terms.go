package notifier

import (
	"encoding/binary"
	"strings"

	"presenced/internal/filter"
	"presenced/internal/store"
	"presenced/sip"
	"presenced/sip/event"
)

// terms are what a watcher has asked for beside the state itself. They are
// negotiated by each SUBSCRIBE, and never changed; nil stands for those of a
// plain subscription.
type terms struct {
	partial bool           // bodies are of the type that Offers names
	dormant bool           // nothing is told but transitions (RFC 5839 s.5.2: "*")
	rated   bool           // the last SUBSCRIBE has asked for a rate
	filters *filter.Set    // nil: none
	filter  *filter.Filter // that of filters which holds for the resource; nil: none
	rates   rates
	size    int32 // bytes of filters, packed
}

// Offers are what an event package has for terms other than the default.
type Offers struct {
	// Partial is the one of Types of which documents are Partial's. "": all are,
	// where a State is Partial.
	Partial string
	// Filters says that its states are Filtered.
	Filters bool
}

// Offering is a Package that has Offers.
type Offering interface {
	Package
	Offers() Offers
}

// terms are those of a SUBSCRIBE; before are those of the dialog until now.
// Only filters stay in force where they are not mentioned (RFC 4660 s.5.2.2):
// without Accept bodies are of the default type (RFC 6665 s.3.1.3), and without
// a rate or a condition there is none (RFC 6446 s.5.1, RFC 5839 s.5.2).
func (p *served) terms(r *sip.Request, key store.Key, before *terms, seconds uint32) (*terms, error) {
	var t terms
	var err error
	if t.partial, err = p.accepted(r); err != nil {
		return nil, err
	}
	if before != nil {
		t.filters = before.filters
	}
	if len(r.Body()) > 0 {
		if t.filters, err = p.filters(r, key, t.filters); err != nil {
			return nil, err
		}
	}
	if t.rates, err = ratesIn(r.Header("Event")); err != nil {
		return nil, err
	}
	t.rated = t.rates != rates{}
	t.rates = t.rates.within(p.pace, seconds)
	t.dormant = r.Header(suppressIfMatch) == anyTag
	return t.settled(key), nil
}

// settled is t with what follows from it; nil where nothing is asked for.
func (t terms) settled(key store.Key) *terms {
	t.filter, t.size = nil, 0
	if t.filters.Len() == 0 {
		t.filters = nil
	} else {
		t.filter, t.size = t.filters.For(key.AOR), int32(len(t.filters.Pack(nil)))
	}
	if t == (terms{}) {
		return nil
	}
	kept := t // t itself stays on the stack for all others
	return &kept
}

// accepted says whether bodies are to be of the partial type; 406 where there
// is none that the watcher takes (RFC 5263 s.4.3).
func (p *served) accepted(r *sip.Request) (partial bool, err error) {
	accept := r.List("Accept")
	if len(accept) == 0 && !r.Has("Accept") { // nearly always
		return false, nil
	}
	chosen := ""
	if len(accept) > 0 {
		chosen = event.Negotiate(accept, p.Types()...)
	}
	if chosen == "" {
		return false, sip.Errorf(sip.StatusNotAcceptable, "")
	}
	return chosen == p.offers.Partial, nil
}

// termsOf are those of s, which is locked, or nobody else's.
func (s *subscription) termsOf() *terms {
	if s.rare == nil {
		return nil
	}
	return s.rare.terms
}

// rarely is what few subscriptions have, made where it is not there.
func (s *subscription) rarely() *rare {
	if s.rare == nil {
		s.rare = new(rare)
	}
	return s.rare
}

// agree puts terms in force, from a SUBSCRIBE or a record.
func (s *subscription) agree(t *terms) {
	if s.rare == nil && t == nil {
		return
	}
	r := s.rarely()
	if t == nil || r.terms == nil || r.terms.rates.adaptive != t.rates.adaptive {
		r.history = nil
	}
	r.terms, r.given, r.shown = t, 0, nil
}

// extended is the decision with what the watcher's filter leaves of its view:
// views of one name are the same bytes, also with filters.
func (t *terms) extended(d Decision) Decision {
	if t == nil || d.State == event.Terminated {
		return d
	}
	if key := t.filter.Key(); key != "" {
		d.View += ViewFilter + key
	}
	return d
}

// ViewFilter stands in a view's name before the key of the filter that is
// applied to what the view shows.
const ViewFilter = "\x00"

// The form in which terms stand in a subscription's record, before the attempt:
// the mark, which begins no attempt, the length of the rest, flags, the rates,
// and the filters.
const termsMark = "\x01"

const (
	partialFlag = 1 << iota
	dormantFlag
	ratedFlag
)

// pack is the terms' packed form, "" for those of a plain subscription.
func (t *terms) pack() string {
	if t == nil {
		return ""
	}
	var flags uint64
	for i, set := range [...]bool{t.partial, t.dormant, t.rated} {
		if set {
			flags |= 1 << i
		}
	}
	var room [256]byte
	b := binary.AppendUvarint(room[:0], flags)
	for _, rate := range [...]rate{t.rates.max, t.rates.min, t.rates.adaptive} {
		b = binary.AppendUvarint(b, uint64(rate))
	}
	b = t.filters.Pack(b)
	return termsMark + string(binary.AppendUvarint(nil, uint64(len(b)))) + string(b)
}

// split tells packed terms from the attempt behind them.
func split(rest string) (packed, attempt string) {
	if !strings.HasPrefix(rest, termsMark) {
		return "", rest
	}
	u := event.Unpack(rest[len(termsMark):])
	packed = u.String()
	if u.Err() != nil {
		return "", ""
	}
	return packed, u.Rest()
}

// unpackTerms are the terms behind a packed dialog.
func unpackTerms(rest string, key store.Key) (*terms, error) {
	packed, _ := split(rest)
	if packed == "" {
		return nil, nil
	}
	u := event.Unpack(packed)
	flags := u.Uint()
	t := terms{partial: flags&partialFlag != 0, dormant: flags&dormantFlag != 0, rated: flags&ratedFlag != 0}
	for _, to := range [...]*rate{&t.rates.max, &t.rates.min, &t.rates.adaptive} {
		*to = rate(u.Uint())
	}
	if err := u.Err(); err != nil {
		return nil, err
	}
	var err error
	if t.filters, err = filter.Unpack([]byte(u.Rest())); err != nil {
		return nil, err
	}
	return t.settled(key), nil
}

// weight is what the terms count in the watcher's quota, in bytes.
func (t *terms) weight() int32 {
	if t == nil {
		return 0
	}
	return t.size
}
