// Package filter lets a watcher say what it wants to be told of a document and
// when: it reads the filter-sets that SUBSCRIBE carries and applies them.
//
// It implements the simple-filter format (RFC 4661) and what a notifier does
// with it (RFC 4660 s.5): [Parse], [Merge] over the refreshes of a dialog, the
// content filter [Filter.Apply] and the triggers [Filter.Triggers]. Filters
// work on any document that pidf's reader can read: presence, and watcher
// information as well. What of a document is mandatory is known for PIDF (RFC
// 3863), the data model (RFC 4479), rich presence (RFC 4480), timed status (RFC
// 4481), capabilities (RFC 5196) and watcher information (RFC 3858); an
// extension of which no schema is known is delivered whole or not at all.
//
// It leaves out what a resource list server does (RFC 4660 s.4), and knows no
// SIP: when a NOTIFY is due, and that a first one ignores triggers, is for the
// notifier. Which elements a watcher may see is settled before: filters apply
// to what the rules have left.
package filter

import (
	"cmp"
	"slices"
	"strings"
)

// ContentType is the media type of a filter-set (RFC 4661 s.3.1).
const ContentType = "application/simple-filter+xml"

// Limits of a filter-set, in one body and after a refresh.
const (
	MaxSize        = 16 << 10 // bytes of a body
	MaxFilters     = 40
	MaxCriteria    = 40  // what, changed, added and removed elements (RFC 4660 s.8)
	MaxSelections  = 40  // include and exclude elements
	MaxSteps       = 256 // in all expressions, without their conditions
	MaxComparisons = 64  // in the conditions of all expressions
)

// Set is the filters of one subscription, or what a SUBSCRIBE changes of them.
// It is never changed, and may be used by several goroutines. A nil Set has no
// filters.
type Set struct {
	filters []entry // sorted by id once merged
}

// entry is one filter element.
type entry struct {
	id, uri, domain string // of uri and domain one is set, canonical
	enabled         bool
	filter          *Filter // nil: it had neither what nor trigger

	// Of a change alone.
	line      int
	remove    bool
	addressed bool // it had uri or domain
}

// Merge returns the filters of a subscription after a SUBSCRIBE with a
// filter-set (RFC 4660 s.5.2.2); old is nil in the first one. A SUBSCRIBE
// without a filter-set changes nothing, and needs no Merge. Any error is an
// *Error, and the old set holds on.
func Merge(old, change *Set) (*Set, error) {
	merged := new(Set)
	if old != nil {
		merged.filters = slices.Clone(old.filters)
	}
	for _, e := range change.filters {
		at := slices.IndexFunc(merged.filters, func(known entry) bool { return known.id == e.id })
		switch {
		case e.remove && at >= 0:
			merged.filters = slices.Delete(merged.filters, at, at+1)
		case e.remove: // already gone: what was asked is so
		case at >= 0:
			merged.filters[at] = e.over(merged.filters[at])
		default:
			merged.filters = append(merged.filters, e)
		}
	}
	slices.SortFunc(merged.filters, func(a, b entry) int { return cmp.Compare(a.id, b.id) })
	if err := merged.check(); err != nil {
		return nil, err
	}
	return merged, nil
}

// over is a filter element that stands for a filter known by its id: one with
// contents replaces it, one without enables or disables it (RFC 4661 s.3.4).
func (e entry) over(known entry) entry {
	if e.filter == nil {
		e.filter = known.filter
		if !e.addressed {
			e.uri, e.domain = known.uri, known.domain
		}
	}
	return e
}

// check finds what no set may have.
func (s *Set) check() error {
	var total size
	type address struct{ uri, domain string }
	seen := make(map[address]string)
	for i := range s.filters {
		e := &s.filters[i]
		if e.enabled && e.filter == nil { // RFC 4661 s.3.4
			return &Error{NotAcceptable, e.line, "filter: enabled for the first time without what or trigger"}
		}
		at := address{e.uri, e.domain}
		if other, taken := seen[at]; taken { // RFC 4660 s.5.2
			err := notAcceptable("filter: %.60q and %.60q are for the same resource or domain", other, e.id)
			err.Line = e.line
			return err
		}
		seen[at] = e.id
		total.add(e.filter)
		e.line, e.addressed = 0, false
	}
	return total.check(len(s.filters))
}

// size is what filters cost.
type size struct{ criteria, selections, steps, comparisons int }

func (s *size) add(f *Filter) {
	if f == nil {
		return
	}
	if len(f.include)+len(f.exclude) > 0 {
		s.criteria++
	}
	s.selections += len(f.include) + len(f.exclude)
	for _, selections := range [][]selection{f.include, f.exclude} {
		for _, selected := range selections {
			s.steps += len(selected.steps)
			for _, step := range selected.steps {
				for _, every := range step.where {
					s.comparisons += len(every)
				}
			}
		}
	}
	for _, t := range f.triggers {
		s.criteria += len(t)
		for i := range t {
			s.steps += len(t[i].steps)
		}
	}
}

func (s *size) check(filters int) error {
	switch {
	case filters > MaxFilters:
		return notAcceptable("filter-set: more than %d filters", MaxFilters)
	case s.criteria > MaxCriteria:
		return notAcceptable("filter-set: more than %d what, changed, added and removed elements", MaxCriteria)
	case s.selections > MaxSelections:
		return notAcceptable("filter-set: more than %d include and exclude elements", MaxSelections)
	case s.steps > MaxSteps:
		return notAcceptable("filter-set: more than %d steps", MaxSteps)
	case s.comparisons > MaxComparisons:
		return notAcceptable("filter-set: more than %d comparisons", MaxComparisons)
	}
	return nil
}

// For returns the filter for a resource, given by its canonical URI: its own,
// else that of its domain (RFC 4660 s.3.3.2). A disabled filter is as if it
// were not there. Nil means that there is none, and filters nothing.
func (s *Set) For(resource string) *Filter {
	if s == nil {
		return nil
	}
	_, host, _ := strings.Cut(resource, "@")
	host = canonicalDomain(host)
	var found *Filter
	for i := range s.filters {
		switch e := &s.filters[i]; {
		case !e.enabled || e.filter == nil || e.remove:
		case e.domain == "" && e.uri == resource:
			return e.filter
		case e.domain != "" && e.domain == host:
			found = e.filter
		}
	}
	return found
}

// Len is the number of filters, disabled ones too.
func (s *Set) Len() int {
	if s == nil {
		return 0
	}
	return len(s.filters)
}

func canonicalDomain(s string) string {
	if len(s) > 1 {
		s = strings.TrimSuffix(s, ".")
	}
	return strings.ToLower(s)
}
