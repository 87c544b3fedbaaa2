package xmlpatch

import (
	"strconv"
	"strings"

	"github.com/beevik/etree"
)

// add follows RFC 5261 s.4.3.
func (a *application) add(op *etree.Element) *Error {
	given, err := directives(op, "sel", "type", "pos")
	if err != nil {
		return err
	}
	n, err := a.target(op, given["sel"], true)
	if err != nil {
		return err
	}
	if what, ok := given["type"]; ok {
		return a.addNamed(op, n, what)
	}
	pos, positioned := given["pos"]
	switch {
	case !positioned || pos == "prepend":
		e := n.element()
		if e == nil {
			return failure(InvalidPatchDirective, "what is added to is not an element")
		}
		if positioned {
			return a.insert(op, e, 0)
		}
		return a.insert(op, e, len(e.Child))
	case pos == "before":
		return a.insert(op, n.parent, n.start)
	case pos == "after":
		return a.insert(op, n.parent, n.end)
	}
	return failure(InvalidAttributeValue, "pos is not prepend, before or after")
}

// insert copies the children of an operation to a place in the document.
func (a *application) insert(op, parent *etree.Element, at int) *Error {
	if parent == &a.doc.Element {
		if err := besideRoot(op); err != nil {
			return err
		}
	}
	for i, t := range op.Child {
		copied, err := a.content(t, parent)
		if err != nil {
			return err
		}
		parent.InsertChildAt(at+i, copied)
	}
	return nil
}

// besideRoot checks what may stand beside the root element: comments and
// processing instructions (s.3).
func besideRoot(op *etree.Element) *Error {
	for _, t := range op.Child {
		switch t := t.(type) {
		case *etree.Element:
			return failure(InvalidRootElementOperation, "a second root element")
		case *etree.CharData:
			if !t.IsWhitespace() {
				return failure(InvalidRootElementOperation, "text beside the root element")
			}
		}
	}
	return nil
}

// content copies a node of the diff for a place in the document.
func (a *application) content(t etree.Token, parent *etree.Element) (etree.Token, *Error) {
	depth := 0
	for up := parent; up != nil; up = up.Parent() {
		depth++
	}
	if depth > maxDepth {
		return nil, failure(InvalidPatchDirective, "elements nested too deep")
	}
	if e, ok := t.(*etree.Element); ok {
		return a.graft(e, parent)
	}
	if _, ok := t.(*etree.Directive); ok {
		return nil, failure(InvalidEntityDeclaration, "a declaration in the content")
	}
	return copyOf(t), nil
}

// copyOf copies a token as it is.
func copyOf(t etree.Token) etree.Token {
	switch t := t.(type) {
	case *etree.Element:
		return t.Copy()
	case *etree.CharData:
		if t.IsCData() {
			return etree.NewCData(t.Data)
		}
		return etree.NewText(t.Data)
	case *etree.Comment:
		return etree.NewComment(t.Data)
	case *etree.ProcInst:
		return etree.NewProcInst(t.Target, t.Inst)
	case *etree.Directive:
		return etree.NewDirective(t.Data)
	}
	return nil
}

// addNamed adds an attribute or a namespace declaration to an element (s.4.3.2
// and 4.3.3).
func (a *application) addNamed(op *etree.Element, n node, what string) *Error {
	e := n.element()
	if e == nil {
		return failure(InvalidPatchDirective, "only an element has attributes and namespaces")
	}
	value, err := plainText(op, InvalidAttributeValue)
	if err != nil {
		return err
	}
	p := selectorParser{rest: what, scope: op}
	if p.take("namespace::") {
		prefix, ok := p.ncName()
		if !ok || p.rest != "" {
			return failure(InvalidAttributeValue, "type is not namespace:: and a prefix")
		}
		return a.addNamespace(e, prefix, value)
	}
	prefix, _, _ := strings.Cut(strings.TrimPrefix(what, "@"), ":")
	if !p.take("@") {
		return failure(InvalidAttributeValue, "type is neither an attribute nor a namespace")
	}
	name, err := p.name(false)
	if err == nil && p.rest != "" {
		err = failure(InvalidAttributeValue, "type is not @ and a name")
	}
	if err != nil {
		return err
	}
	return a.addAttribute(e, name, prefix, value)
}

func (a *application) addAttribute(e *etree.Element, name xname, prefix, value string) *Error {
	if name.namespace == "" && name.local == "xmlns" {
		return failure(InvalidAttributeValue, "a default namespace cannot be added") // s.4.2.3
	}
	for _, attr := range e.Attr {
		if isAttribute(e, attr, name) {
			return failure(InvalidPatchDirective, "the attribute is there already")
		}
	}
	switch name.namespace {
	case "":
		e.CreateAttr(name.local, value)
		return nil
	case namespaceXML:
		e.CreateAttr("xml:"+name.local, value)
		return nil
	}
	chosen, ok := a.choose(e, prefix, name.namespace, func(string) bool { return false }, false)
	if !ok {
		chosen = prefix
		for n := 1; ; n++ {
			if _, taken := lookup(e, chosen); !taken {
				break
			}
			chosen = "n" + strconv.Itoa(n)
		}
		if err := a.declare(e, chosen, name.namespace); err != nil {
			return err
		}
	}
	e.CreateAttr(chosen+":"+name.local, value)
	return nil
}

func (a *application) addNamespace(e *etree.Element, prefix, namespace string) *Error {
	switch {
	case !isNamespace(namespace):
		return failure(InvalidNamespaceURI, "not a namespace")
	case prefix == "xml" || prefix == "xmlns":
		return failure(InvalidNamespacePrefix, "the prefix is reserved")
	case declaration(e, prefix) >= 0:
		return failure(InvalidNamespacePrefix, "the prefix is declared already")
	case uses(e, prefix):
		return failure(InvalidNamespacePrefix, "the prefix has another meaning there")
	}
	return a.declare(e, prefix, namespace)
}

// plainText is the content of an operation that must be text alone, and no CDATA
// section (s.5.1). Without content it is "".
func plainText(op *etree.Element, otherwise string) (string, *Error) {
	text := ""
	for _, t := range op.Child {
		c, ok := t.(*etree.CharData)
		if !ok {
			return "", failure(otherwise, "the content is not text")
		}
		if c.IsCData() {
			return "", failure(InvalidAttributeValue, "the content is a CDATA section")
		}
		text += c.Data
	}
	return text, nil
}
