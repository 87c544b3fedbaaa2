// Package partial receives partial presence documents (RFC 5262): as the
// compositor of a partial publication ([Publish], RFC 5264), and as the watcher of
// partial notifications ([Copy], RFC 5263). They are made by pidf.AppendFull and
// pidf.AppendDiff.
//
// It is apart from package pidf because few who read presence information need
// patches (RFC 5261). No body of 64 kB costs more than a millisecond or a
// megabyte against a document of 64 kB (TestHostileCost).
package partial

import (
	"errors"
	"fmt"
	"strings"
	"sync"

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
// is no presence document within the limits; a *pidf.SyntaxError for a body or a
// result that is too large (it wraps pidf.ErrTooLarge), or a bad pidf-full;
// ErrInitial; and any other if stored is no presence document, which is not the
// publisher's fault. A result is refused for what a full document is refused for
// (RFC 5264 s.4.3.2 asks for no more), and nothing else: what the schemas do not
// allow in it is mended where documents are composed.
// Whether the entity is the right one is for the caller to judge, as it is for a
// full document. limits' Root is not used; nil stands for the default limits.
//
// A patch has at most 200 operations and a quarter of the elements that a
// document may have: whoever changes more publishes in full.
func Publish(stored, body []byte, limits *pidf.Reader) ([]byte, error) {
	return publications.publish(stored, body, limits)
}

// receiver is what a side takes of patches. The attributes of type xs:ID in
// pidf.xsd, data-model.xsd and rpid.xsd are all called id.
type receiver struct {
	xmlpatch.Patcher
	share int // of the elements that a document may have, a patch has one in so many
}

var (
	// publications come from anybody who may publish.
	publications = receiver{xmlpatch.Patcher{Namespace: pidf.NamespacePartial, ID: "id"}, 4}
	// notifications come from the agent that a watcher has chosen.
	notifications = receiver{xmlpatch.Patcher{Namespace: pidf.NamespacePartial, ID: "id", MaxOperations: 1 << 14, MaxWork: 1 << 26}, 1}
)

func (p *receiver) publish(stored, body []byte, limits *pidf.Reader) ([]byte, error) {
	r := pidf.Reader{}
	if limits != nil {
		r = *limits
	}
	if r.MaxElements <= 0 {
		r.MaxElements = pidf.DefaultMaxElements
	}
	d := documents.Get().(*pidf.Document)
	defer documents.Put(d)
	defer d.Reset()
	full, err := p.read(r, d, body)
	switch {
	case err != nil:
		return nil, err
	case full:
		return presence(d, r)
	case stored == nil:
		return nil, ErrInitial
	}
	return p.apply(stored, d, r)
}

// documents are used again, for a body or for what is stored.
var documents = sync.Pool{New: func() any { return new(pidf.Document) }}

// read reads a partial document into d, and tells whether it is a full one.
// Although the schema allows presence as a root, RFC 5262 s.3 does not.
func (p *receiver) read(r pidf.Reader, d *pidf.Document, body []byte) (full bool, err error) {
	r.Root = pidf.PartialFull
	if err = r.Read(d, body); err == nil || !otherRoot(err) {
		return true, err
	}
	r.Root = pidf.PartialDiff
	r.MaxElements /= p.share
	if err = r.Read(d, body); err == nil || otherRoot(err) || errors.Is(err, pidf.ErrTooLarge) {
		return false, err
	}
	return false, &PatchError{Name: xmlpatch.InvalidDiffFormat, Phrase: err.Error()}
}

// otherRoot tells whether the reader got as far as the root, and found another.
func otherRoot(err error) bool {
	var syntax *pidf.SyntaxError
	return errors.As(err, &syntax) && strings.HasPrefix(syntax.Reason, "root is not ")
}

// apply changes a stored document by a diff.
func (p *receiver) apply(stored []byte, d *pidf.Document, r pidf.Reader) ([]byte, error) {
	r.Root = pidf.Name{}
	old := documents.Get().(*pidf.Document)
	defer documents.Put(old)
	defer old.Reset()
	if err := r.Read(old, stored); err != nil {
		// RFC 5264 s.4.3.2: a 500, so it must not look like an error in the body.
		return nil, fmt.Errorf("partial: the stored document: %s", err)
	}
	// RFC 5262 s.3.2: the entity, if given, is that of the presence element.
	if entity := d.Entity(); entity != "" && uri(entity) != uri(old.Entity()) {
		return nil, &PatchError{Name: xmlpatch.InvalidDiffFormat, Phrase: "the diff is about another entity than the document"}
	}
	target, err := xmlpatch.Parse(old.Bytes(), maxNodes(&r))
	if err != nil {
		return nil, err
	}
	diff, err := xmlpatch.Parse(d.Bytes(), maxNodes(&r))
	if err != nil {
		return nil, err
	}
	if err := p.Apply(target, diff); err != nil {
		return nil, err
	}
	return written(target, old, r)
}

// maxNodes is how many pieces documents may have: most elements have text in
// them and behind them.
func maxNodes(r *pidf.Reader) int { return 3 * r.MaxElements }

// written is a patched document, if it is one that could have been published as
// a whole. scratch is overwritten.
func written(patched *xmlpatch.Document, scratch *pidf.Document, r pidf.Reader) ([]byte, error) {
	out := patched.Append(make([]byte, 0, patched.Size()))
	err := r.Read(scratch, out)
	switch {
	case errors.Is(err, pidf.ErrTooLarge):
		return nil, err
	case err != nil:
		return nil, &PatchError{Name: xmlpatch.InvalidPatchDirective, Phrase: "the result is not a presence document: " + err.Error()}
	}
	return out, nil
}

const declaration = `<?xml version="1.0" encoding="UTF-8"?>`

// uri is a URI as pidf writes it.
func uri(s string) string { return string(pidf.AppendURI(nil, s)) }

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
