package filter

import (
	"fmt"
	"slices"

	"presenced/pidf"
)

// element is an element of a filter-set, and what its schema may ask.
type element struct {
	pidf.Element
	body string // the document
}

func (e element) fail(format string, args ...any) *Error {
	return &Error{NotAcceptable, e.Line(), fmt.Sprintf("%.60s: ", e.Name().Local) + fmt.Sprintf(format, args...)}
}

func (e element) is(local string) bool {
	return e.Name() == pidf.Name{Namespace: Namespace, Local: local}
}

// isExtension tells whether the schema's ##other is for the element.
func (e element) isExtension() bool {
	return e.Name().Namespace != "" && e.Name().Namespace != Namespace
}

func (e element) children() []element {
	var all []element
	for child := range e.Children() {
		all = append(all, element{child, e.body})
	}
	return all
}

// boolean reads an attribute of type xs:boolean.
func (e element) boolean(local, standard string) (bool, error) {
	value, given := e.Lookup(local)
	if !given {
		value = standard
	}
	switch collapse(value) {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, e.fail("%s %.40q is neither true nor false", local, value)
}

// only refuses attributes other than those named and those of extensions.
func (e element) only(attributes []string) error {
	for a := range e.Attributes() {
		if a.Namespace == Namespace || a.Namespace == "" && !slices.Contains(attributes, a.Local) {
			return e.fail("attribute %.60q is not allowed", a.Local)
		}
	}
	return nil
}

// structure refuses text beside the children, and attributes other than those
// named.
func (e element) structure(attributes ...string) error {
	if e.HasText() {
		return e.fail("text is not allowed")
	}
	return e.only(attributes)
}

// value is the text of an element without children, and with no other
// attributes than those named.
func (e element) value(attributes ...string) (string, error) {
	for range e.Children() {
		return "", e.fail("elements are not allowed")
	}
	return e.Text(), e.only(attributes)
}
