package policy

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/beevik/etree"
)

// SetHandling edits access rules such that a watcher gets exactly this
// handling, whatever the sphere and the time. Nobody else's handling changes,
// and what is not understood is kept.
//
// Permissions combine by maximum (RFC 5025 s.3.2.1, "NOTE WELL"), so that a
// rule of its own is not enough: where another rule gives the watcher more,
// the watcher is taken out of it, as an <except> in a <many>; a rule that is
// for this watcher only gives less from then on.
//
// doc is the rules in force: where the presentity has no document, what
// AccessRules.Document returns, since from its first document on no match
// means block. An error about doc is an *Error.
func SetHandling(doc []byte, watcher string, h SubHandling) ([]byte, error) {
	rules, err := ParseRules(doc)
	if err != nil {
		return nil, err
	}
	q := newRequest(watcher, Context{})
	if q.uri == "" || h > Allow {
		return nil, fmt.Errorf("policy: cannot set %q to %v", watcher, h)
	}
	tree := etree.NewDocument()
	tree.ReadSettings.PreserveCData = true
	tree.WriteSettings = etree.WriteSettings{CanonicalText: true, CanonicalAttrVal: true}
	if err := tree.ReadFromBytes(bytes.TrimPrefix(doc, []byte("\uFEFF"))); err != nil {
		return nil, &Error{1, err.Error()}
	}
	e := &edit{root: tree.Root(), watcher: q, handling: h}
	e.apply(rules)
	edited, err := tree.WriteToBytes()
	if err != nil {
		return nil, err
	}
	_, err = ParseRules(edited)
	return edited, err
}

// edit is one call of SetHandling.
type edit struct {
	root     *etree.Element
	watcher  *request
	handling SubHandling
	used     map[string]bool // values of attributes, ids among them
	numbered int             // ids given out
}

func (e *edit) apply(rules *Rules) {
	var own *etree.Element
	for i, r := range e.root.ChildElements() {
		compiled := &rules.rules[i]
		switch {
		case own == nil && e.isOwn(r, &compiled.conditions):
			own = r
			e.decide(r)
			if compiled.permits.Key() == (Permissions{Handling: compiled.permits.Handling}).Key() {
				e.provide(r)
			}
		case compiled.permits.Handling > e.handling:
			e.lower(r, &compiled.conditions)
		}
	}
	if own == nil {
		e.addOwn()
	}
}

// isOwn says whether a rule is for the watcher only, and always.
func (e *edit) isOwn(r *etree.Element, c *conditions) bool {
	alone := len(c.spheres)+len(c.validities)+len(c.lists) == 0 && !c.nobody && !c.other && !c.unknown
	return alone && len(c.identities) == 1 && e.onlyHere(identities(r)[0])
}

// lower makes a rule that gives too much not match the watcher any more.
func (e *edit) lower(r *etree.Element, c *conditions) {
	if c.unknown || c.nobody || c.other {
		return // matches no watcher that the rule of its own names
	}
	for i := range c.identities {
		if !c.identities[i].match(e.watcher) {
			return
		}
	}
	if len(c.identities) == 0 {
		e.split(r, c)
		return
	}
	parts := identities(r)
	for _, identity := range parts {
		if e.onlyHere(identity) {
			e.decide(r)
			return
		}
	}
	e.exclude(parts[0], &c.identities[0]) // all identities must match: one is enough
}

// onlyHere says whether an identity has nobody but the watcher.
func (e *edit) onlyHere(identity *etree.Element) bool {
	for _, child := range identity.ChildElements() {
		if !e.isOne(child) {
			return false
		}
	}
	return true
}

func (e *edit) isOne(child *etree.Element) bool {
	id, ok := canonical(plainAttr(child, "id"))
	return isNamed(child, NamespaceCommonPolicy, "one") && len(child.ChildElements()) == 0 && ok && id == e.watcher.uri
}

// exclude takes the watcher out of an identity in which others are left.
func (e *edit) exclude(identity *etree.Element, compiled *identity) {
	manys := compiled.manys
	for _, child := range identity.ChildElements() {
		switch {
		case e.isOne(child):
			identity.RemoveChild(child)
		case isNamed(child, NamespaceCommonPolicy, "many"):
			if manys[0].match(e.watcher) {
				e.except(child)
			}
			manys = manys[1:]
		}
	}
}

func (e *edit) except(many *etree.Element) {
	create(many, NamespaceCommonPolicy, "except").CreateAttr("id", e.watcher.uri)
}

// split makes of a rule for everybody one for all identities but the
// watcher's, and one for requests without an identity.
func (e *edit) split(r *etree.Element, c *conditions) {
	if len(c.lists) == 0 { // lists are lists of identities
		nobody := r.Copy()
		nobody.CreateAttr("id", e.unusedID())
		e.root.InsertChildAt(r.Index()+1, nobody)
		create(section(nobody, "conditions"), NamespaceOMA, "anonymous-request")
	}
	identity := create(section(r, "conditions"), NamespaceCommonPolicy, "identity")
	e.except(create(identity, NamespaceCommonPolicy, "many"))
}

// decide gives a rule the handling.
func (e *edit) decide(r *etree.Element) {
	decided := false
	for _, action := range section(r, string(actions)).ChildElements() {
		if isNamed(action, NamespacePresRules, "sub-handling") {
			setText(action, e.handling.String())
			decided = true
		}
	}
	if !decided {
		setText(create(section(r, string(actions)), NamespacePresRules, "sub-handling"), e.handling.String())
	}
}

// provide lets a watcher that is allowed see everything.
func (e *edit) provide(r *etree.Element) {
	if e.handling != Allow {
		return
	}
	all := section(r, string(transformations))
	for _, component := range []string{"devices", "persons", "services"} {
		create(create(all, NamespacePresRules, "provide-"+component), NamespacePresRules, "all-"+component)
	}
	create(all, NamespacePresRules, "provide-all-attributes")
}

// addOwn writes a rule for the watcher. One that blocks is written too: it
// names the watcher, so that other-identity does not mean it.
func (e *edit) addOwn() {
	r := create(e.root, NamespaceCommonPolicy, "rule")
	r.CreateAttr("id", e.unusedID())
	identity := create(section(r, "conditions"), NamespaceCommonPolicy, "identity")
	create(identity, NamespaceCommonPolicy, "one").CreateAttr("id", e.watcher.uri)
	e.decide(r)
	e.provide(r)
	e.root.CreateText("\n")
}

// unusedID is an id that nothing in the document has (RFC 4745 s.6.1).
func (e *edit) unusedID() string {
	if e.used == nil {
		e.used = make(map[string]bool)
		for _, other := range e.root.FindElements("//*") {
			for _, a := range other.Attr {
				e.used[a.Value] = true
			}
		}
	}
	for {
		e.numbered++
		if id := "rule-" + strconv.Itoa(e.numbered); !e.used[id] {
			return id
		}
	}
}
