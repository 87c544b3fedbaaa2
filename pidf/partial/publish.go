// Package partial receives partial presence documents (RFC 5262): as the
// compositor of a partial publication ([Publish], RFC 5264), and as the watcher of
// partial notifications ([Copy], RFC 5263). They are made by pidf.AppendFull and
// pidf.AppendDiff.
//
// It is apart from package pidf because patches (RFC 5261) are applied to a tree.
package partial

import (
	"errors"
	"fmt"
	"strings"

	"github.com/beevik/etree"

	"presenced/internal/xmlpatch"
	"presenced/pidf"
)

// ContentType is the media type of partial presence (RFC 5262 s.5.2).
const ContentType = "application/pidf-diff+xml"

// ErrorContentType is the media type of [PatchError]'s Document (RFC 5261 s.10.2).
const ErrorContentType = xmlpatch.ContentType

// PatchError says which error condition of RFC 5261 s.5.1 a diff met, and for
// which operation. Its Document is what a 400 may carry (RFC 5264 s.4.3.2).
type PatchError = xmlpatch.Error

// ErrInitial is the error of an initial publication that is not of full state
// (RFC 5264 s.4.3.2: "a 400 (Invalid Partial Publication)").
var ErrInitial = errors.New("invalid partial publication: a pidf-diff needs a publication to change")

// Publish returns what a publication holds after a PUBLISH with a body of
// application/pidf-diff+xml (RFC 5264 s.4.3): a presence document. stored is
// what it held before, in pidf's presence form; nil in an initial publication.
// After an error nothing has changed, neither stored nor anything else.
//
// The errors are a *PatchError for a diff that does not apply, or whose result
// is no presence document within the limits; a *pidf.SyntaxError for a body that
// is too large (it wraps pidf.ErrTooLarge), or a bad pidf-full; ErrInitial; and
// any other if stored is no presence document, which is not the publisher's fault.
// Whether the entity is the right one is for the caller to judge, as it is for a
// full document. limits' Root is not used; nil stands for the default limits.
func Publish(stored, body []byte, limits *pidf.Reader) ([]byte, error) {
	r := pidf.Reader{}
	if limits != nil {
		r = *limits
	}
	d, full, err := read(r, body)
	switch {
	case err != nil:
		return nil, err
	case full:
		return presence(d, r)
	case stored == nil:
		return nil, ErrInitial
	}
	return apply(stored, body, d, r)
}

// read reads a partial document, and tells whether it is a full one. Although
// the schema allows presence as a root, RFC 5262 s.3 does not.
func read(r pidf.Reader, body []byte) (d *pidf.Document, full bool, err error) {
	d = new(pidf.Document)
	r.Root = pidf.PartialFull
	if err = r.Read(d, body); err == nil || !otherRoot(err) {
		return d, true, err
	}
	r.Root = pidf.PartialDiff
	if err = r.Read(d, body); err == nil || otherRoot(err) {
		return d, false, err
	}
	return nil, false, &PatchError{Name: xmlpatch.InvalidDiffFormat, Phrase: err.Error()}
}

// otherRoot tells whether the reader got as far as the root, and found another.
func otherRoot(err error) bool {
	var syntax *pidf.SyntaxError
	return errors.As(err, &syntax) && strings.HasPrefix(syntax.Reason, "root is not ")
}

// apply changes a stored document by a diff.
func apply(stored, body []byte, d *pidf.Document, r pidf.Reader) ([]byte, error) {
	r.Root = pidf.Name{}
	var old pidf.Document
	if err := r.Read(&old, stored); err != nil {
		// RFC 5264 s.4.3.2: a 500, so it must not look like an error in the body.
		return nil, fmt.Errorf("partial: the stored document: %s", err)
	}
	// RFC 5262 s.3.2: the entity, if given, is that of the presence element.
	if entity := d.Entity(); entity != "" && uri(entity) != uri(old.Entity()) {
		return nil, &PatchError{Name: xmlpatch.InvalidDiffFormat, Phrase: "the diff is about another entity than the document"}
	}
	target, err := xmlpatch.Parse(normal(&old))
	if err != nil {
		return nil, err
	}
	diff, err := xmlpatch.Parse(normal(d))
	if err != nil {
		return nil, err
	}
	operations, err := operationsOf(diff)
	if err != nil {
		return nil, err
	}
	patched, err := xmlpatch.Patcher{IsID: isID}.Apply(target, operations)
	if err != nil {
		return nil, err
	}
	out, err := patched.WriteToBytes()
	if err != nil {
		return nil, err
	}
	if err := r.Read(&old, out); err != nil {
		return nil, &PatchError{Name: xmlpatch.InvalidPatchDirective, Phrase: "the result is not a presence document: " + err.Error()}
	}
	return out, nil
}

const declaration = `<?xml version="1.0" encoding="UTF-8"?>`

// normal is a document declared to be UTF-8, with each white space in a tag made
// a blank, as XML 1.0 s.3.3.3 has it for values and the tree's parser does not.
func normal(d *pidf.Document) []byte {
	out, at := append(make([]byte, 0, len(d.Bytes())+len(declaration)), declaration...), 0
	if strings.HasPrefix(d.Bytes(), "<?xml") { // the reader takes no other instruction
		at = strings.Index(d.Bytes(), "?>") + len("?>")
	}
	var walk func(pidf.Element)
	walk = func(e pidf.Element) {
		if tag := d.Bytes()[e.Start():e.Open()]; strings.ContainsAny(tag, "\t\r\n") {
			out = append(out, d.Bytes()[at:e.Start()]...)
			out = append(out, blanks.Replace(tag)...)
			at = e.Open()
		}
		for child := range e.Children() {
			walk(child)
		}
	}
	walk(d.Root())
	return append(out, d.Bytes()[at:]...)
}

var blanks = strings.NewReplacer("\r\n", " ", "\r", " ", "\n", " ", "\t", " ")

// uri is a URI as pidf writes it.
func uri(s string) string { return string(pidf.AppendURI(nil, s)) }

// operationsOf lists the operations of a diff, of which RFC 5262 s.7 has three.
func operationsOf(diff *etree.Document) ([]*etree.Element, error) {
	operations := diff.Root().ChildElements()
	for _, op := range operations {
		if op.NamespaceURI() != pidf.NamespacePartial {
			return nil, &PatchError{Name: xmlpatch.InvalidDiffFormat, Phrase: "element " + op.Tag + " is not of the namespace " + pidf.NamespacePartial, Operation: op}
		}
	}
	return operations, nil
}

// isID knows the attributes of type xs:ID in pidf.xsd, data-model.xsd and
// rpid.xsd.
func isID(a etree.Attr) bool { return a.Space == "" && a.Key == "id" }

// presence writes a pidf-full document as the presence document that it is but
// for its root (RFC 5262 s.3).
func presence(d *pidf.Document, r pidf.Reader) ([]byte, error) {
	root := d.Root()
	content := d.Bytes()[root.Open():root.Close()]
	prefix, bound := "", false
	declarations := make(map[string]bool)
	var out []byte
	for p, namespace := range root.Declarations() {
		declarations[p] = true
		if namespace == pidf.NamespacePartial && p != "" && !usedBelow(root, p) {
			continue // it was for the root alone
		}
		if namespace == pidf.Namespace && (!bound || p == "") {
			prefix, bound = p, true
		}
		out = appendDeclaration(out, p, namespace)
	}
	if !bound {
		for n := 0; declarations[prefix]; n++ {
			prefix = fmt.Sprint("pidf", n)
		}
		out = appendDeclaration(out, prefix, pidf.Namespace)
	}
	for a := range root.Attributes() {
		if a.Name != (pidf.Name{Local: "version"}) {
			out = append(append(out, ' '), d.Bytes()[a.Start:a.End]...)
		}
	}
	name := "presence"
	if prefix != "" {
		name = prefix + ":" + name
	}
	whole := []byte(declaration + "\n<" + name)
	whole = append(append(whole, out...), '>')
	whole = append(whole, content...)
	whole = append(whole, "</"+name+">\n"...)
	r.Root = pidf.Name{}
	if err := r.Read(d, whole); err != nil {
		return nil, err
	}
	return whole, nil
}

// usedBelow tells whether a name in an element has a prefix.
func usedBelow(e pidf.Element, prefix string) bool {
	for child := range e.Children() {
		if strings.HasPrefix(child.QualifiedName(), prefix+":") || usedBelow(child, prefix) {
			return true
		}
		for a := range child.Attributes() {
			if a.Namespace == pidf.NamespacePartial {
				return true
			}
		}
	}
	return false
}

func appendDeclaration(dst []byte, prefix, namespace string) []byte {
	dst = append(dst, " xmlns"...)
	if prefix != "" {
		dst = append(append(dst, ':'), prefix...)
	}
	return append(pidf.AppendValue(append(dst, `="`...), namespace), '"')
}
