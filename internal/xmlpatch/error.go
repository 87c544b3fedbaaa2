package xmlpatch

import (
	"github.com/beevik/etree"
)

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
	Name      string         // of the error element: one of the constants
	Phrase    string         // for people
	Operation *etree.Element // that failed; nil if it is about the whole body
}

func failure(name, phrase string) *Error { return &Error{Name: name, Phrase: phrase} }

func (e *Error) Error() string { return "xmlpatch: " + e.Name + ": " + e.Phrase }

// maxEcho bounds what an error document repeats of the operation, in bytes.
const maxEcho = 2 << 10

// Document returns the error document of RFC 5261 s.5.1, with the operation that
// failed in it; of a large one only its name.
func (e *Error) Document() []byte {
	doc := etree.NewDocument()
	doc.CreateProcInst("xml", `version="1.0" encoding="UTF-8"`)
	root := doc.CreateElement("patch-ops-error")
	root.CreateAttr("xmlns", Namespace)
	condition := root.CreateElement(e.Name)
	condition.CreateAttr("phrase", e.Phrase)
	switch {
	case e.Name == InvalidDiffFormat || e.Name == InvalidCharacterSet: // s.9: these have no content
	case e.Operation == nil:
		condition.CreateElement("unknown").CreateAttr("xmlns", "")
	default:
		condition.AddChild(echo(e.Operation))
	}
	out, err := doc.WriteToBytes()
	if err != nil {
		return nil // a bytes.Buffer does not fail
	}
	return out
}

// echo copies an operation with the namespaces that hold for it.
func echo(op *etree.Element) *etree.Element {
	whole := op.Copy()
	bound := make(map[string]bool)
	for _, d := range scope(op) {
		bound[d.prefix] = true
		declare(whole, d.prefix, d.namespace)
	}
	if !bound[""] {
		declare(whole, "", "")
	}
	if size(whole) <= maxEcho {
		return whole
	}
	short := etree.NewElement(op.FullTag())
	if namespace, ok := lookup(op, op.Space); ok && len(namespace) < maxEcho {
		declare(short, op.Space, namespace)
		return short
	}
	short.Space = ""
	declare(short, "", "")
	return short
}

// size estimates the bytes of an element, which it does not write.
func size(e *etree.Element) int {
	n := 2*len(e.FullTag()) + 5
	for _, a := range e.Attr {
		n += len(a.Key) + len(a.Space) + len(a.Value) + 5
	}
	for _, t := range e.Child {
		switch t := t.(type) {
		case *etree.Element:
			n += size(t)
		case *etree.CharData:
			n += len(t.Data)
		case *etree.Comment:
			n += len(t.Data)
		case *etree.ProcInst:
			n += len(t.Inst)
		}
		if n > maxEcho {
			break
		}
	}
	return n
}
