package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"presenced/pidf"
)

// Limits of a rules document. One of 500 rules with all permissions has
// 400 kB and 10,000 elements.
var limits = pidf.Reader{
	MaxSize: 1 << 20, MaxDepth: 32, MaxElements: 20_000, MaxAttributes: 32,
	Root: pidf.Name{Namespace: NamespaceCommonPolicy, Local: "ruleset"},
}

// Error says why a rules document was refused, and where.
type Error struct {
	Line   int    // line of the offending element's tag, from 1
	Reason string // begins with the element's name, where there is one
}

func (e *Error) Error() string { return fmt.Sprintf("policy: line %d: %s", e.Line, e.Reason) }

// element is an element of a rules document, and what its schema may ask.
type element struct {
	pidf.Element
	body string // the document
}

// readDocument reads a document into its root. The reader is pidf's: it
// refuses DOCTYPE, processing instructions, names in no namespace that is
// declared, and what exceeds the limits.
func readDocument(doc []byte) (element, error) {
	d := new(pidf.Document)
	err := limits.Read(d, doc)
	var syntax *pidf.SyntaxError
	switch {
	case errors.As(err, &syntax) && syntax.Element != "":
		return element{}, &Error{syntax.Line, syntax.Element + ": " + syntax.Reason}
	case errors.As(err, &syntax):
		return element{}, &Error{syntax.Line, syntax.Reason}
	case err != nil:
		return element{}, err
	}
	return element{d.Root(), d.Bytes()}, nil
}

func common(local string) pidf.Name    { return pidf.Name{Namespace: NamespaceCommonPolicy, Local: local} }
func presRules(local string) pidf.Name { return pidf.Name{Namespace: NamespacePresRules, Local: local} }
func oma(local string) pidf.Name       { return pidf.Name{Namespace: NamespaceOMA, Local: local} }

// fail is an error at the element.
func (e element) fail(format string, args ...any) *Error {
	return &Error{e.Line(), fmt.Sprintf("%.60s: ", e.Name().Local) + fmt.Sprintf(format, args...)}
}

func (e element) children() []element {
	var all []element
	for child := range e.Children() {
		all = append(all, element{child, e.body})
	}
	return all
}

// only refuses attributes other than those named. Hints where a schema is
// may stand anywhere.
func (e element) only(attributes ...string) error {
	const hints = "http://www.w3.org/2001/XMLSchema-instance"
	for a := range e.Attributes() {
		hint := a.Namespace == hints && (a.Local == "schemaLocation" || a.Local == "noNamespaceSchemaLocation")
		if !hint && (a.Namespace != "" || !slices.Contains(attributes, a.Local)) {
			return e.fail("attribute %.60q is not allowed", a.Local)
		}
	}
	return nil
}

// structure refuses text beside the children, and attributes other than
// those named.
func (e element) structure(attributes ...string) error {
	if e.HasText() {
		return e.fail("text is not allowed")
	}
	return e.only(attributes...)
}

// empty refuses any content, and attributes other than those named.
func (e element) empty(attributes ...string) error {
	if !e.IsEmpty() {
		return e.fail("must be empty")
	}
	return e.only(attributes...)
}

// value is the text of an element without children, and with no other
// attributes than those named.
func (e element) value(attributes ...string) (string, error) {
	for range e.Children() {
		return "", e.fail("elements are not allowed")
	}
	return e.Text(), e.only(attributes...)
}

// spaces are XML's white space characters.
const spaces = " \t\r\n"

func isSpace(r rune) bool { return strings.ContainsRune(spaces, r) }

// token is a value of type xs:token, whose white space is collapsed. It does
// not hold the document's memory.
func (e element) token() (string, error) {
	text, err := e.value()
	return strings.Clone(strings.Join(strings.FieldsFunc(text, isSpace), " ")), err
}

// boolean is a value of type xs:boolean.
func (e element) boolean(attributes ...string) (bool, error) {
	text, err := e.value(attributes...)
	if err != nil {
		return false, err
	}
	switch strings.Trim(text, spaces) {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, e.fail("%.40q is neither true nor false", text)
}

// extends refuses an element of no namespace or of its parent's: where a
// schema has an extension point, it is for other namespaces.
func (e element) extends(parent element) error {
	if space := e.Name().Namespace; space == "" || space == parent.Name().Namespace {
		return e.fail("is not allowed in %s", parent.Name().Local)
	}
	return nil
}
