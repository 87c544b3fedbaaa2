// Package xmlpatch applies XML patch operations (RFC 5261): add, replace and
// remove, each with a selector that must locate one node of a document. Partial
// presence (RFC 5262) is made of them.
//
// It implements every operation, node type and selector of the RFC, and its
// errors (s.5.1) as [*Error]. Attributes of type ID are known only by name:
// xml:id, and what [Patcher.ID] says. White space counts, as s.3 wants it: an
// element is not replaced by an element with white space around it. A namespace
// that added content needs and the document does not bind where it is added is
// declared there (s.4.2.3: "MUST ensure").
//
// It leaves out entities: documents with a DOCTYPE are refused. Prefixes in
// text and in attribute values are not renamed with those of names.
//
// A document is its text and a list of nodes, not a tree of objects, and what
// operations look at is counted: no patch of 64 kB costs more than a millisecond
// or a megabyte (TestHostileCost of package partial).
package xmlpatch

// Bounds of one application, for operations that are hostile.
const (
	DefaultMaxOperations = 200
	DefaultMaxWork       = 100_000

	maxSelector   = 4 << 10  // bytes of a selector
	maxSteps      = 64       // of a selector
	maxConditions = 64       // of a selector
	maxDepth      = 64       // elements around what is added
	maxDeclared   = 64 << 10 // bytes of namespace declarations made for added content
	maxMade       = 64 << 10 // bytes made beyond those of the document and of the diff
)

// What is looked at counts as work, in units of one to three nanoseconds.
const (
	workNode      = 5   // a node, on the way to another
	workAttribute = 40  // an attribute that is read
	workSelector  = 6   // a byte of a selector
	workOperation = 300 // an operation by itself
)

// Patcher applies operations. The zero value is ready, and may be used by
// several goroutines.
type Patcher struct {
	// Namespace is that of operations; with "" any is (s.3 leaves it to the
	// format that they stand in).
	Namespace string
	// ID is the name, without a prefix, of the attributes of type ID in the
	// documents' schema, for the function id(); xml:id always is one. With "" no
	// other is.
	ID string
	// MaxOperations and MaxWork bound one application; 0 stands for the default.
	// An operation's work is about the nodes beside those on its path, and the
	// text that it compares.
	MaxOperations, MaxWork int
}

// Apply applies the operations in diff's root element, in order. After an error,
// which is an *Error, doc is no more to be used; diff never changes.
func (p Patcher) Apply(doc, diff *Document) error {
	if p.MaxOperations == 0 {
		p.MaxOperations = DefaultMaxOperations
	}
	if p.MaxWork == 0 {
		p.MaxWork = DefaultMaxWork
	}
	a := application{Document: doc, Patcher: p, diff: diff}
	for op := diff.nodes[diff.root()].first; op != 0; op = diff.nodes[op].next {
		if diff.nodes[op].kind != elementNode {
			continue
		}
		a.op = op
		if err := a.operation(); err != nil {
			err.diff, err.operation = diff, op
			return err
		}
	}
	return nil
}

// application is one run of operations over a document.
type application struct {
	*Document
	Patcher
	diff        *Document
	op          int32 // in diff
	operations  int   // seen
	work        int
	declared    int       // bytes of namespace declarations made
	known       []binding // of prefixes in the diff, at the operation
	declaring   bool      // some may be of the operation's own
	steps       []step
	conditions  []condition
	nodes, next []int32 // nodes located so far, and by the present step
	scope       []binding
	tag         []byte
}

// operation applies one element by its local name.
func (a *application) operation() *Error {
	if a.operations++; a.operations > a.MaxOperations {
		return failure(InvalidPatchDirective, "too many operations")
	}
	if a.Namespace != "" && a.diff.namespace(a.op) != a.Namespace {
		return failure(InvalidDiffFormat, "an element that is not of the namespace "+a.Namespace)
	}
	if own := a.diff.nodes[a.op].declares; own || a.declaring {
		a.known, a.declaring = a.known[:0], own
	}
	a.work += workOperation
	var err *Error
	switch a.diff.local(a.op) {
	case "add":
		err = a.add()
	case "replace":
		err = a.replace()
	case "remove":
		err = a.remove()
	default:
		err = failure(InvalidPatchDirective, "no such operation")
	}
	if err == nil {
		err = a.exhausted()
	}
	return err
}

// exhausted tells whether the operations have asked for more than they may.
func (a *application) exhausted() *Error {
	switch {
	case a.work > a.MaxWork:
		return failure(InvalidPatchDirective, "the operations ask for too much work")
	case a.made.Len() > len(a.text)+len(a.diff.text)+maxMade:
		return failure(InvalidPatchDirective, "the operations make too much text")
	}
	return nil
}

// directives are the attributes of operations, which RFC 5261 s.8 lists.
type directives struct {
	sel, kind, pos, ws             string
	hasSel, hasKind, hasPos, hasWS bool
}

// directives reads those of the operation; each kind of it has some of them.
func (a *application) directives(allowed ...string) (*directives, *Error) {
	var found directives
	for attr := range a.diff.attributes(a.op) {
		if a.work += workAttribute; attr.declares() {
			continue
		}
		known := false
		for _, name := range allowed {
			known = known || attr.prefix == "" && attr.local == name
		}
		if !known {
			return nil, failure(InvalidPatchDirective, "attribute "+clip(attr.local)+" is not understood")
		}
		switch value := decode(attr.value); attr.local {
		case "sel":
			found.sel, found.hasSel = value, true
		case "type":
			found.kind, found.hasKind = value, true
		case "pos":
			found.pos, found.hasPos = value, true
		case "ws":
			found.ws, found.hasWS = value, true
		}
	}
	if !found.hasSel {
		return nil, failure(InvalidAttributeValue, "sel is missing")
	}
	return &found, nil
}

// located is the node that an operation is about: of text the first piece, of
// an attribute or a namespace the element that has it.
type located struct {
	kind      stepKind
	node      int32
	attribute attribute // of an attribute, or of a namespace that is declared there
	own       bool      // a namespace is declared on the element itself
}

// locate finds the node that an operation is about.
func (a *application) locate(sel string) (located, *Error) {
	s, err := a.parseSelector(sel)
	if err != nil {
		return located{}, err
	}
	return a.follow(s)
}
