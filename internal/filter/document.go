package filter

import (
	"strings"

	"presenced/pidf"
)

// Namespace is that of the simple-filter format (RFC 4661 s.3).
const Namespace = "urn:ietf:params:xml:ns:simple-filter"

var reader = pidf.Reader{
	MaxSize: MaxSize, MaxDepth: 16, MaxElements: 500, MaxAttributes: 32,
	Root: pidf.Name{Namespace: Namespace, Local: "filter-set"},
}

// Subscription is what a filter-set is read for.
type Subscription struct {
	Resource string // the canonical URI of the resource that is subscribed to
	Package  string // the event package, with its template; "" for any

	// Canonical makes the URI of a filter comparable with that of a resource.
	// It returns "" for a URI that names no resource here; such a filter is
	// kept, and applies to nothing. Nil stands for URIs that are compared as
	// they are written.
	Canonical func(uri string) string
}

// Parse reads a filter-set as a SUBSCRIBE's body carries it; [Merge] makes it
// the filters of the subscription. Any error is an *Error. Elements and
// attributes of other namespaces are ignored where the schema allows them (RFC
// 4661 s.4).
func Parse(body []byte, s Subscription) (*Set, error) {
	d := new(pidf.Document)
	if err := reader.Read(d, body); err != nil {
		return nil, refused(err)
	}
	r := setReader{request: s, bindings: make(map[string]string), ids: make(map[string]bool)}
	if err := r.read(element{d.Root(), d.Bytes()}); err != nil {
		return nil, err
	}
	var total size
	for _, e := range r.set.filters {
		total.add(e.filter)
	}
	if err := total.check(len(r.set.filters)); err != nil {
		return nil, err
	}
	return &r.set, nil
}

// setReader is the state of reading one filter-set.
type setReader struct {
	request  Subscription
	bindings map[string]string
	ids      map[string]bool
	set      Set
}

func (r *setReader) read(root element) error {
	if err := root.structure("package"); err != nil {
		return err
	}
	// RFC 4661 s.3.2: the package that the criteria are for.
	if named := root.Attribute("package"); named != "" && r.request.Package != "" && named != r.request.Package {
		return root.fail("package is %.60q, not %s", named, r.request.Package)
	}
	for i, child := range root.children() {
		switch {
		case child.is("ns-bindings") && i == 0:
			if err := r.readBindings(child); err != nil {
				return err
			}
		case child.is("filter"):
			if err := r.readFilter(child); err != nil {
				return err
			}
		default:
			return child.fail("is not allowed here")
		}
	}
	if len(r.set.filters) == 0 {
		return root.fail("has no filter")
	}
	return nil
}

// readBindings reads RFC 4661 s.3.3.
func (r *setReader) readBindings(e element) error {
	if err := e.structure(); err != nil {
		return err
	}
	children := e.children()
	for _, child := range children {
		if !child.is("ns-binding") {
			return child.fail("is not allowed in ns-bindings")
		}
		if err := child.structure("prefix", "urn"); err != nil {
			return err
		}
		prefix := child.Attribute("prefix")
		namespace, ok := namespaceName(child.Attribute("urn"))
		known, again := r.bindings[prefix]
		switch {
		case prefix == "" || nameLength(prefix) != len(prefix):
			return child.fail("prefix %.60q is not a name", prefix)
		case !ok:
			return child.fail("urn %.60q is not a namespace", namespace)
		case again && known != namespace:
			return child.fail("prefix %.60q is bound to two namespaces", prefix)
		case (prefix == "xml") != (namespace == xmlNamespace): // Namespaces in XML 1.0, s.3
			return child.fail("prefix %.60q may not be bound to that", prefix)
		}
		r.bindings[prefix] = namespace
	}
	if len(children) == 0 {
		return e.fail("has no ns-binding")
	}
	return nil
}

// readFilter reads RFC 4661 s.3.4.
func (r *setReader) readFilter(e element) error {
	if err := e.structure("id", "uri", "domain", "remove", "enabled"); err != nil {
		return err
	}
	id, named := e.Lookup("id")
	switch {
	case !named:
		return e.fail("has no id")
	case r.ids[id]:
		return e.fail("id %.60q stands twice", id)
	}
	r.ids[id] = true
	f := entry{id: strings.Clone(id), line: e.Line()}
	var err error
	if f.enabled, err = e.boolean("enabled", "true"); err != nil {
		return err
	}
	if f.remove, err = e.boolean("remove", "false"); err != nil {
		return err
	}
	if err = r.address(&f, e); err != nil {
		return err
	}
	if f.filter, err = r.readContents(e); err != nil {
		return err
	}
	r.set.filters = append(r.set.filters, f)
	return nil
}

// address finds what a filter is for: without an address the resource that is
// subscribed to (RFC 4660 s.5.2.1).
func (r *setReader) address(f *entry, e element) error {
	uri, hasURI := e.Lookup("uri")
	domain, hasDomain := e.Lookup("domain")
	f.addressed = hasURI || hasDomain
	switch {
	case hasURI && hasDomain:
		return e.fail("has both uri and domain")
	case hasDomain:
		if f.domain = strings.Clone(canonicalDomain(collapse(domain))); f.domain == "" {
			return e.fail("domain is empty")
		}
	case hasURI:
		if uri = collapse(uri); uri == "" {
			return e.fail("uri is empty")
		}
		if r.request.Canonical != nil {
			if canonical := r.request.Canonical(uri); canonical != "" {
				uri = canonical
			}
		}
		f.uri = strings.Clone(uri)
	default:
		f.uri = r.request.Resource
	}
	return nil
}

// readContents reads what and triggers: nil if there is neither, not even an
// empty one.
func (r *setReader) readContents(e element) (*Filter, error) {
	var f Filter
	present, last := false, ""
	for _, child := range e.children() {
		local := child.Name().Local
		var err error
		switch {
		case child.isExtension():
			local = "an extension"
		case child.is("what") && last == "":
			present = true
			err = r.readWhat(&f, child)
		case child.is("trigger") && last != "an extension":
			present = true
			err = r.readTrigger(&f, child)
		default:
			err = child.fail("is not allowed here")
		}
		if err != nil {
			return nil, err
		}
		last = local
	}
	if !present {
		return nil, nil
	}
	f.key = f.text(nil)
	return &f, nil
}

// readWhat reads RFC 4661 s.3.5. Includes stand before excludes.
func (r *setReader) readWhat(f *Filter, e element) error {
	if err := e.structure(); err != nil {
		return err
	}
	order := 0
	for _, child := range e.children() {
		list, place := &f.include, 1
		switch {
		case child.isExtension():
			order = 3
			continue
		case child.is("include"):
		case child.is("exclude"):
			list, place = &f.exclude, 2
		default:
			return child.fail("is not allowed in what")
		}
		if place < order {
			return child.fail("stands too late")
		}
		order = place
		selected, err := r.readSelection(child)
		if err != nil {
			return err
		}
		*list = append(*list, selected)
	}
	return nil
}

// readSelection reads an include or exclude element.
func (r *setReader) readSelection(e element) (selection, error) {
	text, err := e.value("type")
	if err != nil {
		return selection{}, err
	}
	kind, typed := e.Lookup("type")
	switch {
	case kind == "namespace": // RFC 4661 s.3.5.3
		namespace, ok := namespaceName(text)
		if !ok {
			return selection{}, e.fail("%.60q is not a namespace", namespace)
		}
		return selection{namespace: strings.Clone(namespace)}, nil
	case kind != "xpath" && typed:
		return selection{}, e.fail("type %.60q is neither xpath nor namespace", kind)
	}
	p := r.expression(text)
	selected, err := p.selection()
	if err != nil {
		return selection{}, e.fail("%s", err)
	}
	return selection{path: selected}, nil
}

// readTrigger reads RFC 4661 s.3.6. An empty one is as if it were not there
// (RFC 4660 s.5.4).
func (r *setReader) readTrigger(f *Filter, e element) error {
	if err := e.structure(); err != nil {
		return err
	}
	var t trigger
	last := criterionKind(0)
	for _, child := range e.children() {
		kind := kindOf(child)
		switch {
		case child.isExtension():
			last = extension
			continue
		case kind == extension:
			return child.fail("is not allowed in trigger")
		case kind < last:
			return child.fail("stands too late")
		}
		last = kind
		c, err := r.readCriterion(child, kind)
		if err != nil {
			return err
		}
		t = append(t, c)
	}
	if len(t) > 0 {
		f.triggers = append(f.triggers, t)
	}
	return nil
}

func kindOf(e element) criterionKind {
	for kind, name := range criterionNames {
		if e.is(name) {
			return kind
		}
	}
	return extension
}

func (r *setReader) readCriterion(e element, kind criterionKind) (criterion, error) {
	var allowed []string
	if kind == changed {
		allowed = []string{"from", "to", "by"}
	}
	text, err := e.value(allowed...)
	if err != nil {
		return criterion{}, err
	}
	p := r.expression(text)
	selected, err := p.reference()
	if err != nil {
		return criterion{}, e.fail("%s", err)
	}
	c := criterion{kind: kind, path: selected}
	for i, name := range changeAttributes {
		if value, given := e.Lookup(name); given && kind == changed {
			value = strings.Clone(collapse(value))
			c.values()[i].set(value)
		}
	}
	if err := c.check(); err != nil {
		return criterion{}, e.fail("%s", err)
	}
	return c, nil
}

// expression is a parser over a copy, so that names do not hold the body.
func (r *setReader) expression(text string) parser {
	return parser{text: strings.Clone(text), bindings: r.bindings}
}
