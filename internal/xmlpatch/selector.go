package xmlpatch

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// selector is a parsed value of the sel attribute: RFC 5261 s.4.1, in the
// grammar of s.8:
//
//	selector  = [ "/" ] ( id *( "/" step ) [ "/" last ] / *( step "/" ) last )
//	id        = "id(" [ quoted NCName ] ")"
//	step      = ( QName / "*" ) *( condition )
//	condition = "[@" QName "=" quoted "]" / "[" ( QName / "." ) "=" quoted "]" / "[" number "]"
//	last      = step / "@" QName / "namespace::" NCName /
//	            ( "text()" / "comment()" / "processing-instruction(" [ quoted NCName ] ")" ) [ "[" number "]" ]
type selector struct {
	byID  bool // begins with id()
	id    string
	steps []step
}

type stepKind int

const (
	elementStep stepKind = iota
	textStep
	commentStep
	instructionStep
	attributeStep
	namespaceStep
)

type step struct {
	kind       stepKind
	any        bool   // "*"
	name       xname  // of an element or attribute
	label      string // target of a processing instruction, "" for any; prefix of a namespace
	conditions []condition
}

type conditionKind int

const (
	position       conditionKind = iota
	attributeValue               // of an attribute
	ownValue                     // string value of the node itself
	childValue                   // string value of a child element
)

type condition struct {
	kind  conditionKind
	index int // of position; -1 for more than any document has
	name  xname
	value string
}

// xname is an expanded name: the number of its namespace in the document that is
// patched, -1 if that has no such.
type xname struct {
	space int
	local string
}

// last is the kind of node that is selected.
func (s selector) last() stepKind {
	if len(s.steps) == 0 {
		return elementStep
	}
	return s.steps[len(s.steps)-1].kind
}

// selectorParser reads a selector from left to right, each byte once.
type selectorParser struct {
	*application // whose operation's namespaces hold (s.4.2.1)
	rest         string
}

func (a *application) parseSelector(value string) (s selector, err *Error) {
	if len(value) > maxSelector {
		return s, failure(InvalidAttributeValue, "sel is too long")
	}
	a.work += workSelector * len(value)
	a.steps, a.conditions = a.steps[:0], a.conditions[:0]
	p := selectorParser{application: a, rest: value}
	p.take("/")
	if p.take("id(") {
		id, ok := p.argument()
		if !ok {
			return s, p.malformed()
		}
		s.byID, s.id = true, id
		if p.rest == "" {
			return s, nil
		}
		if !p.take("/") {
			return s, p.malformed()
		}
	}
	for {
		step, err := p.step()
		if err != nil {
			return s, err
		}
		a.steps = append(a.steps, step)
		s.steps = a.steps
		switch {
		case len(a.steps) > maxSteps:
			return s, failure(InvalidAttributeValue, "sel has too many steps")
		case p.rest == "":
			return s, nil
		case step.kind != elementStep || !p.take("/"):
			return s, p.malformed()
		}
	}
}

func (p *selectorParser) malformed() *Error {
	return failure(InvalidAttributeValue, "sel is not a selector of RFC 5261 from "+strconv.Quote(clip(p.rest))+" on")
}

// clip bounds what an error repeats of a selector.
func clip(s string) string {
	const most = 40
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "")
	}
	return s
}

func (p *selectorParser) take(prefix string) bool {
	rest, found := strings.CutPrefix(p.rest, prefix)
	p.rest = rest
	return found
}

func (p *selectorParser) step() (step, *Error) {
	switch {
	case p.take("text()"):
		return p.numbered(step{kind: textStep})
	case p.take("comment()"):
		return p.numbered(step{kind: commentStep})
	case p.take("processing-instruction("):
		target, ok := p.argument()
		if !ok {
			return step{}, p.malformed()
		}
		return p.numbered(step{kind: instructionStep, label: target})
	case p.take("namespace::"):
		prefix, ok := p.ncName()
		if !ok {
			return step{}, p.malformed()
		}
		return step{kind: namespaceStep, label: prefix}, nil
	case p.take("@"):
		name, err := p.name(false)
		return step{kind: attributeStep, name: name}, err
	}
	s := step{kind: elementStep, any: p.take("*")}
	if !s.any {
		var err *Error
		if s.name, err = p.name(true); err != nil {
			return s, err
		}
	}
	first := len(p.conditions)
	for p.take("[") {
		c, err := p.condition()
		if err != nil {
			return s, err
		}
		if p.conditions = append(p.conditions, c); len(p.conditions) > maxConditions {
			return s, failure(InvalidAttributeValue, "sel has too many conditions")
		}
	}
	s.conditions = p.conditions[first:]
	return s, nil
}

// argument reads the rest of a function with at most a quoted name in it.
func (p *selectorParser) argument() (string, bool) {
	if p.take(")") {
		return "", true
	}
	for _, quote := range [...]string{"'", `"`} {
		if p.take(quote) {
			name, ok := p.ncName()
			return name, ok && p.take(quote+")")
		}
	}
	return "", false
}

// numbered reads the position that may follow a node test other than a name.
func (p *selectorParser) numbered(s step) (step, *Error) {
	if !p.take("[") {
		return s, nil
	}
	c, ok := p.position()
	if !ok {
		return s, p.malformed()
	}
	s.conditions = []condition{c}
	return s, nil
}

// position reads digits and the closing bracket.
func (p *selectorParser) position() (condition, bool) {
	end := 0
	for end < len(p.rest) && p.rest[end] >= '0' && p.rest[end] <= '9' {
		end++
	}
	if end == 0 {
		return condition{}, false
	}
	index, err := strconv.Atoi(p.rest[:end])
	if err != nil {
		index = -1 // out of range: selects nothing
	}
	p.rest = p.rest[end:]
	return condition{kind: position, index: index}, p.take("]")
}

// condition reads a predicate behind its opening bracket.
func (p *selectorParser) condition() (condition, *Error) {
	if c, ok := p.position(); ok {
		return c, nil
	}
	var c condition
	var err *Error
	switch {
	case p.take("."):
		c.kind = ownValue
	case p.take("@"):
		c.kind = attributeValue
		c.name, err = p.name(false)
	default:
		c.kind = childValue
		c.name, err = p.name(true)
	}
	if err != nil {
		return c, err
	}
	for _, quote := range [...]string{"'", `"`} {
		if p.take("=" + quote) {
			value, rest, closed := strings.Cut(p.rest, quote)
			c.value, p.rest = value, rest
			if closed && p.take("]") {
				return c, nil
			}
			break
		}
	}
	return c, p.malformed()
}

// name reads a QName and expands it. An element without a prefix is in the
// default namespace of the diff (s.4.2.1), an attribute in none.
func (p *selectorParser) name(element bool) (xname, *Error) {
	local, ok := p.ncName()
	prefix := ""
	if ok && p.take(":") {
		prefix = local
		local, ok = p.ncName()
	}
	if !ok {
		return xname{}, p.malformed()
	}
	if prefix == "" && !element {
		return xname{local: local}, nil
	}
	namespace, bound := p.inDiff(prefix)
	if !bound && prefix != "" {
		return xname{}, failure(InvalidNamespacePrefix, "prefix "+strconv.Quote(clip(prefix))+" is not bound in the diff")
	}
	return xname{p.number(namespace), local}, nil
}

func (p *selectorParser) ncName() (string, bool) {
	end := 0
	for end < len(p.rest) {
		r, n := utf8.DecodeRuneInString(p.rest[end:])
		if !nameRune(r, end == 0) {
			break
		}
		end += n
	}
	name := p.rest[:end]
	p.rest = p.rest[end:]
	// The "::" of another axis is no end of a name.
	return name, end > 0 && !strings.HasPrefix(p.rest, "::")
}

// nameRune is a good part of NameStartChar and NameChar (XML 1.0 productions 4
// and 4a): a name with any other character locates nothing.
func nameRune(r rune, first bool) bool {
	switch {
	case r == utf8.RuneError:
		return false
	case r == '_' || unicode.IsLetter(r):
		return true
	case first:
		return false
	}
	return r == '-' || r == '.' || r == '\u00b7' || unicode.IsDigit(r) || unicode.In(r, unicode.Mn, unicode.Mc)
}
