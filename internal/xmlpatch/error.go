package xmlpatch

// Namespace is the namespace of error documents (RFC 5261 s.5.1).
const Namespace = "urn:ietf:params:xml:ns:patch-ops-error"

// ContentType is the media type of error documents (RFC 5261 s.10.2).
const ContentType = "application/patch-ops-error+xml"

// Names of error elements (RFC 5261 s.5.1).
const (
	InvalidAttributeValue       = "invalid-attribute-value"        // of sel, type, ws or pos, or for an attribute
	InvalidCharacterSet         = "invalid-character-set"          // diff and document differ in encoding
	InvalidDiffFormat           = "invalid-diff-format"            // not well-formed, or not valid
	InvalidEntityDeclaration    = "invalid-entity-declaration"     // an entity without a declaration
	InvalidNamespacePrefix      = "invalid-namespace-prefix"       // a prefix that is not bound, or taken
	InvalidNamespaceURI         = "invalid-namespace-uri"          // no namespace, or not declared there
	InvalidNodeTypes            = "invalid-node-types"             // of what is replaced and its replacement
	InvalidPatchDirective       = "invalid-patch-directive"        // not understood
	InvalidRootElementOperation = "invalid-root-element-operation" // a document has one root element
	InvalidXMLPrologOperation   = "invalid-xml-prolog-operation"   // the prolog cannot be patched
	InvalidWhitespaceDirective  = "invalid-whitespace-directive"   // no white space to remove
	UnlocatedNode               = "unlocated-node"                 // sel selects no node, or several
	UnsupportedIDFunction       = "unsupported-id-function"        // attributes of type ID are not known
)

// Error says why a patch was not applied.
type Error struct {
	Name   string // of the error element: one of the constants
	Phrase string // for people

	diff      *Document // of the operation that failed; nil if it is about the whole body
	operation int32
}

func failure(name, phrase string) *Error { return &Error{Name: name, Phrase: phrase} }

func (e *Error) Error() string { return "xmlpatch: " + e.Name + ": " + e.Phrase }

// maxEcho bounds what an error document repeats of the operation, in bytes.
const maxEcho = 2 << 10

// Document returns the error document of RFC 5261 s.5.1, with the operation that
// failed in it; of a large one only its name.
func (e *Error) Document() []byte {
	out := []byte(declaration + `<patch-ops-error xmlns="` + Namespace + `"><` + e.Name + ` phrase="` + escape(e.Phrase) + `"`)
	switch {
	case e.Name == InvalidDiffFormat || e.Name == InvalidCharacterSet: // s.9: these have no content
		return append(out, "/></patch-ops-error>"...)
	case e.diff == nil:
		out = append(out, `><unknown xmlns=""/></`...)
	default:
		out = append(append(append(out, '>'), e.echo()...), "</"...)
	}
	return append(append(out, e.Name...), "></patch-ops-error>"...)
}

// echo is the operation, with the namespaces that hold for it.
func (e *Error) echo() []byte {
	d, op := e.diff, e.operation
	whole := d.append(nil, op)
	if len(whole) > maxEcho {
		whole = nil
	}
	bindings, bound := "", false
	for _, b := range d.inScope(nil, op) {
		bound = bound || b.prefix == ""
		if _, own := d.declaration(op, b.prefix); !own {
			bindings += " " + declared(b.prefix) + `="` + escape(b.namespace) + `"`
		}
	}
	if _, own := d.declaration(op, ""); !bound && !own {
		bindings += ` xmlns=""`
	}
	name := d.qualified(op)
	if whole != nil && len(whole)+len(bindings) <= maxEcho {
		return append(append([]byte("<"+name), bindings...), whole[1+len(name):]...)
	}
	if namespace := d.namespace(op); len(namespace) < maxEcho && len(name) < maxEcho/4 && (namespace != "" || d.prefix(op) == "") {
		return []byte("<" + name + " " + declared(d.prefix(op)) + `="` + escape(namespace) + `"/>`)
	}
	local := d.local(op)
	if len(local) > maxEcho/4 {
		local = "unknown"
	}
	return []byte("<" + local + ` xmlns=""/>`)
}
