package notifier

import (
	"errors"
	"strings"

	"presenced/internal/filter"
	"presenced/internal/store"
	"presenced/sip"
)

// Filtered is a State that filters apply to (RFC 4660): a view's name may have
// ViewFilter and the key of a filter.Filter behind it, which is applied to what
// the view shows. A view of which it leaves nothing has a Body without Bytes.
type Filtered interface {
	State
	// Triggers says whether f's triggers are met between what a view shows in
	// since, by which the last NOTIFY was made, and now. The filter in the
	// view's name does not count.
	Triggers(view string, f *filter.Filter, since State) bool
}

// filters are those in force after a SUBSCRIBE with a body: 415 where it is no
// filter-set (RFC 4660 s.5.2), and 400, 413 or 488 where it is a bad one (s.5.4).
func (p *served) filters(r *sip.Request, key store.Key, before *filter.Set) (*filter.Set, error) {
	accept := ""
	if p.offers.Filters {
		accept = filter.ContentType
	}
	switch mediaType, _ := r.ContentType(); {
	case accept != "" && mediaType == accept:
	case strings.Contains(strings.ToLower(r.Header("Content-Disposition")), "handling=optional"):
		return before, nil // RFC 3261 s.8.2.3
	default:
		return nil, sip.Errorf(sip.StatusUnsupportedMediaType, "").With("Accept", accept)
	}
	change, err := filter.Parse(r.Body(), filter.Subscription{Resource: key.AOR, Package: key.Package, Canonical: canonical})
	if err != nil {
		return nil, badFilter(err)
	}
	merged, err := filter.Merge(before, change)
	if err != nil {
		return nil, badFilter(err)
	}
	return merged, nil
}

// badFilter is what the peer hears of a filter-set that is refused.
func badFilter(err error) error {
	var bad *filter.Error
	if !errors.As(err, &bad) {
		return err
	}
	return sip.Errorf(bad.Status, "Bad %s", strings.TrimPrefix(bad.Error(), "filter: ")).Because(err)
}

// canonical is the address-of-record of a filter's URI, "" for one that has
// none.
func canonical(uri string) string {
	u, err := sip.ParseURI(uri)
	if err != nil {
		return ""
	}
	return u.AOR()
}

// triggers is the filter of s where it has triggers, which changes must meet.
func (s *subscription) triggers() *filter.Filter {
	if t := s.termsOf(); t != nil && t.filter.Waits() {
		return t.filter
	}
	return nil
}

// wants says whether the topic's new state is one that s waits for: no SUBSCRIBE
// and no transition asks (RFC 4660 s.5.3.1).
func (s *subscription) wants() bool {
	if t := s.termsOf(); t != nil && t.dormant {
		return false
	}
	f := s.triggers()
	if f == nil || s.shown == nil || s.sent == 0 {
		return true
	}
	state, ok := s.topic.state.(Filtered)
	return !ok || state.Triggers(s.decision().View, f, s.shown)
}

// unfiltered is a view's name without its filter.
func unfiltered(view string) string {
	name, _, _ := strings.Cut(view, ViewFilter)
	return name
}
