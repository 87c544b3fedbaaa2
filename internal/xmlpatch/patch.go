// Package xmlpatch applies XML patch operations (RFC 5261): add, replace and
// remove, each with a selector that must locate one node of a document. Partial
// presence (RFC 5262) is made of them.
//
// It implements every operation, node type and selector of the RFC, and its
// errors (s.5.1) as [*Error]. Attributes of type ID are known only by name:
// xml:id, and what [Patcher.IsID] says. White space counts, as s.3 wants it: an
// element is not replaced by an element with white space around it. A namespace
// that added content needs and the document does not bind where it is added is
// declared there (s.4.2.3: "MUST ensure").
//
// It leaves out entities: documents with a DOCTYPE are refused. Prefixes in
// text and in attribute values are not renamed with those of names.
package xmlpatch

import (
	"strings"

	"github.com/beevik/etree"
)

// Bounds of one application, for operations that are hostile.
const (
	maxSelector = 4 << 10  // bytes of a selector
	maxWork     = 1 << 20  // nodes looked at by all selectors together
	maxDepth    = 64       // elements around what is added
	maxDeclared = 64 << 10 // bytes of namespace declarations made for added content
)

// Patcher applies operations. The zero value is ready, and may be used by
// several goroutines.
type Patcher struct {
	// IsID tells whether an attribute is of type ID in the documents' schema, for
	// the function id(); xml:id always is. If nil, no other is.
	IsID func(etree.Attr) bool
}

// Apply applies operations in order to a copy of doc, and returns the copy. If
// one fails there is none, and doc is as it was in any case. Any error is an
// *Error. The operations must stand in their document, whose namespace
// declarations hold for them (RFC 5261 s.4.2).
func (p Patcher) Apply(doc *etree.Document, operations []*etree.Element) (*etree.Document, error) {
	patched := etree.NewDocument()
	patched.ReadSettings, patched.WriteSettings = doc.ReadSettings, doc.WriteSettings
	for _, t := range doc.Child {
		patched.AddChild(copyOf(t))
	}
	a := application{doc: patched, isID: p.IsID}
	for _, op := range operations {
		if err := a.operation(op); err != nil {
			err.Operation = op
			return nil, err
		}
	}
	return patched, nil
}

// Parse reads a document so that what is written again is canonically the same.
// It is for bodies whose size is bounded already. Any error is an *Error.
func Parse(body []byte) (*etree.Document, error) {
	doc := etree.NewDocument()
	doc.ReadSettings.PreserveCData = strings.Contains(string(body), "<![CDATA[")
	doc.ReadSettings.PreserveDuplicateAttrs = true
	doc.WriteSettings = etree.WriteSettings{CanonicalText: true, CanonicalAttrVal: true}
	if err := doc.ReadFromBytes(body); err != nil {
		return nil, failure(InvalidDiffFormat, "not well-formed: "+err.Error())
	}
	roots := 0
	for _, t := range doc.Child {
		switch t := t.(type) {
		case *etree.Directive:
			return nil, failure(InvalidEntityDeclaration, "a DOCTYPE is not supported")
		case *etree.ProcInst:
			if t.Target == "xml" && !isUTF8(t.Inst) {
				return nil, failure(InvalidCharacterSet, "the encoding is not UTF-8")
			}
		case *etree.CharData:
			if strings.Trim(t.Data, " \t\r\n\uFEFF") != "" {
				return nil, failure(InvalidDiffFormat, "text outside the root element")
			}
		case *etree.Element:
			roots++
		}
	}
	if roots != 1 {
		return nil, failure(InvalidDiffFormat, "not one root element")
	}
	return doc, nil
}

// isUTF8 tells whether an XML declaration allows UTF-8.
func isUTF8(declaration string) bool {
	_, encoding, found := strings.Cut(strings.ToLower(declaration), "encoding")
	return !found || strings.Contains(encoding, "utf-8") || strings.Contains(encoding, "us-ascii")
}

// application is one run of operations over a document of its own.
type application struct {
	doc      *etree.Document
	isID     func(etree.Attr) bool
	work     int // nodes looked at
	declared int // bytes of namespace declarations made
}

// operation applies one element by its local name: RFC 5261 s.3 leaves its
// namespace to the format that it stands in.
func (a *application) operation(op *etree.Element) *Error {
	switch op.Tag {
	case "add":
		return a.add(op)
	case "replace":
		return a.replace(op)
	case "remove":
		return a.remove(op)
	}
	return failure(InvalidPatchDirective, "no such operation")
}

// directives reads the attributes of an operation, which RFC 5261 s.8 lists.
func directives(op *etree.Element, allowed ...string) (map[string]string, *Error) {
	found := make(map[string]string, 3)
	for _, attr := range op.Attr {
		if isDeclaration(attr) {
			continue
		}
		known := false
		for _, name := range allowed {
			known = known || attr.Space == "" && attr.Key == name
		}
		if !known {
			return nil, failure(InvalidPatchDirective, "attribute "+attr.FullKey()+" is not understood")
		}
		found[attr.Key] = attr.Value
	}
	if _, ok := found["sel"]; !ok {
		return nil, failure(InvalidAttributeValue, "sel is missing")
	}
	return found, nil
}

// target locates the node that an operation is about.
func (a *application) target(op *etree.Element, value string, add bool) (node, *Error) {
	sel, err := parseSelector(value, op)
	if err != nil {
		return node{}, err
	}
	// s.8, xpath-add: an add has a type attribute instead.
	if last := sel.last(); add && (last == attributeStep || last == namespaceStep) {
		return node{}, failure(InvalidAttributeValue, "sel of add selects an attribute or a namespace")
	}
	return a.locate(sel)
}
