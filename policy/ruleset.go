package policy

import (
	"iter"
	"slices"
	"strings"
	"time"
)

// NamespaceCommonPolicy is that of ruleset documents (RFC 4745 s.13).
const NamespaceCommonPolicy = "urn:ietf:params:xml:ns:common-policy"

// ruleset is a common-policy document (RFC 4745 s.6), compiled. P is what its
// rules permit.
type ruleset[P any] struct {
	rules  []rule[P]
	ones   []one       // rules that are for certain identities only; sorted by them
	rest   []int32     // the other rules
	limits []time.Time // when a rule's validity begins or ends; sorted, unique
	sphere bool        // a rule depends on the sphere
	other  bool        // a rule is for those whom no rule names
	lists  bool        // a rule names an external list
}

type rule[P any] struct {
	conditions conditions
	permits    *P // shared by rules that permit the same
}

// one says which rule names an identity.
type one struct {
	uri  string
	rule int32
}

// part is what a rule consists of besides its conditions (RFC 4745 s.8, s.9).
type part string

const (
	actions         part = "actions"
	transformations part = "transformations"
)

// permit reads one child of a rule's actions or transformations.
type permit[P any] func(p *P, where part, e element) error

// parseRuleset reads a document. It refuses what the schema of RFC 4745 s.13
// refuses; the children of actions and transformations are left to permit.
func parseRuleset[P any](doc []byte, permit permit[P]) (*ruleset[P], error) {
	root, err := readDocument(doc)
	if err != nil {
		return nil, err
	}
	return compile(root, permit)
}

func compile[P any](root element, permit permit[P]) (*ruleset[P], error) {
	if err := root.structure(); err != nil {
		return nil, err
	}
	children := root.children()
	s := &ruleset[P]{rules: make([]rule[P], 0, len(children))}
	ids := make(map[string]bool, len(children))
	for _, e := range children {
		r, err := compileRule(e, ids, permit)
		if err != nil {
			return nil, err
		}
		s.add(r)
	}
	slices.SortStableFunc(s.ones, func(a, b one) int { return strings.Compare(a.uri, b.uri) })
	slices.SortFunc(s.limits, time.Time.Compare)
	s.limits = slices.CompactFunc(s.limits, time.Time.Equal)
	return s, nil
}

// compileRule reads a rule: an id that no other has (RFC 4745 s.6.1), then
// conditions, actions and transformations, in this order, none of them needed.
func compileRule[P any](e element, ids map[string]bool, permit permit[P]) (r rule[P], err error) {
	r.permits = new(P)
	if e.Name() != common("rule") {
		return r, e.fail("is not allowed in ruleset")
	}
	if err := e.structure("id"); err != nil {
		return r, err
	}
	if err := uniqueID(e, ids); err != nil {
		return r, err
	}
	order := []string{"conditions", string(actions), string(transformations)}
	for _, child := range e.children() {
		at := slices.Index(order, child.Name().Local)
		if child.Name().Namespace != NamespaceCommonPolicy || at < 0 {
			return r, child.fail("is not allowed here in rule")
		}
		order = order[at+1:]
		if child.Name() == common("conditions") {
			r.conditions, err = readConditions(child)
		} else {
			err = readPart(r.permits, child, permit)
		}
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

func readPart[P any](p *P, e element, permit permit[P]) error {
	if err := e.structure(); err != nil {
		return err
	}
	for _, child := range e.children() {
		if err := child.extends(e); err != nil {
			return err
		}
		if err := permit(p, part(e.Name().Local), child); err != nil {
			return err
		}
	}
	return nil
}

func (s *ruleset[P]) add(r rule[P]) {
	c := &r.conditions
	number := int32(len(s.rules))
	s.rules = append(s.rules, r)
	s.sphere = s.sphere || len(c.spheres) > 0
	s.other = s.other || c.other
	s.lists = s.lists || len(c.lists) > 0
	for _, periods := range c.validities {
		for _, p := range periods {
			s.limits = append(s.limits, p.from, p.until)
		}
	}
	if len(c.identities) != 1 || len(c.identities[0].manys) > 0 || len(c.lists) > 0 {
		s.rest = append(s.rest, number)
		return
	}
	for _, uri := range c.identities[0].ones {
		s.ones = append(s.ones, one{uri, number})
	}
}

// matching runs through what the rules permit whose conditions are all true
// (RFC 4745 s.10.1), in no order.
func (s *ruleset[P]) matching(uri string, c Context) iter.Seq[*P] {
	return func(yield func(*P) bool) {
		q := newRequest(uri, c)
		q.other = s.other && s.isOther(q)
		for r := range s.candidates(q.uri) {
			if r.conditions.match(q) && !yield(r.permits) {
				return
			}
		}
	}
}

// candidates are the rules that may match an identity. A rule that names it
// twice comes twice.
func (s *ruleset[P]) candidates(uri string) iter.Seq[*rule[P]] {
	return func(yield func(*rule[P]) bool) {
		i, _ := slices.BinarySearchFunc(s.ones, uri, func(o one, uri string) int { return strings.Compare(o.uri, uri) })
		for ; i < len(s.ones) && s.ones[i].uri == uri; i++ {
			if !yield(&s.rules[s.ones[i].rule]) {
				return
			}
		}
		for _, number := range s.rest {
			if !yield(&s.rules[number]) {
				return
			}
		}
	}
}

// isOther says whether no rule names the identity. While a list cannot be
// read nobody can tell who is on it, so that nobody is another.
func (s *ruleset[P]) isOther(q *request) bool {
	if q.uri == "" || s.lists && q.Lists == nil {
		return false
	}
	for r := range s.candidates(q.uri) {
		if r.conditions.names(q) {
			return false
		}
	}
	return true
}

// NextChange returns when the next validity period begins or ends, after now.
// ok is false where none does.
func (s *ruleset[P]) NextChange(now time.Time) (at time.Time, ok bool) {
	i, found := slices.BinarySearchFunc(s.limits, now, time.Time.Compare)
	if found {
		i++
	}
	if i == len(s.limits) {
		return time.Time{}, false
	}
	return s.limits[i], true
}

// UsesSphere says whether a rule depends on the sphere.
func (s *ruleset[P]) UsesSphere() bool { return s.sphere }
