package filter

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

const xmlNamespace = "http://www.w3.org/XML/1998/namespace"

// parser reads expressions in the syntax of RFC 4661 s.5, which is a part of
// XPath's. Where its ABNF and the examples of both RFCs disagree the examples
// decide: a condition may stand behind any step and have one comparison alone,
// a path in a condition may have one step alone, and values are quoted unless
// they are numbers. White space may stand between tokens, as in XPath.
//
// Left out, though the ABNF may be read so: "//" inside conditions, which makes
// one test as dear as the document is large. In XPath, but not in the ABNF, and
// so refused: positions, functions, other axes, conditions without a
// comparison, "@*", "prefix:*", unions and parentheses.
type parser struct {
	text     string
	at       int
	bindings map[string]string // prefix to namespace
}

// maxSteps bounds the steps of one path. Presence documents are about eight
// elements deep.
const maxSteps = 16

// selection reads an expression that may have conditions.
func (p *parser) selection() (path, error) {
	var selected path
	for p.space(); p.at < len(p.text); p.space() {
		if last := len(selected.steps) - 1; last >= 0 && selected.steps[last].attribute {
			return path{}, p.expected("the end behind an attribute")
		}
		if len(selected.steps) == maxSteps {
			return path{}, fmt.Errorf("has more than %d steps", maxSteps)
		}
		s, err := p.step()
		if err != nil {
			return path{}, err
		}
		if s.descend {
			selected.descend |= 1 << len(selected.steps)
		}
		selected.steps = append(selected.steps, s)
	}
	if len(selected.steps) == 0 {
		return path{}, fmt.Errorf("is empty")
	}
	return selected, nil
}

// reference reads an expression that may have none, as triggers want it (RFC
// 4661 s.3.6.1).
func (p *parser) reference() (path, error) {
	selected, err := p.selection()
	for _, s := range selected.steps {
		if len(s.where) > 0 {
			return path{}, fmt.Errorf("may have no condition in []")
		}
	}
	return selected, err
}

// step reads "/" or "//", what it names, and a condition.
func (p *parser) step() (step, error) {
	if !p.accept("/") {
		return step{}, p.expected("/")
	}
	s := step{descend: p.accept("/")}
	p.space()
	err := p.nodeTest(&s)
	if p.space(); err == nil && p.accept("[") {
		s.where, err = p.condition()
	}
	return s, err
}

// nodeTest reads "*", a name, or "@" and a name.
func (p *parser) nodeTest(s *step) error {
	if s.attribute = p.accept("@"); s.attribute {
		p.space()
	} else if s.any = p.accept("*"); s.any {
		return nil
	}
	prefix := p.ncName()
	if prefix == "" {
		return p.expected("a name")
	}
	s.name.Local = prefix
	if p.accept(":") {
		if s.name.Local = p.ncName(); s.name.Local == "" {
			return p.expected("a name behind the prefix")
		}
		namespace, bound := p.bindings[prefix]
		if prefix == "xml" {
			namespace, bound = xmlNamespace, true
		}
		if !bound {
			return fmt.Errorf("prefix %.60q is not bound in ns-bindings", prefix)
		}
		s.name.Namespace = namespace // RFC 4661 s.5: none for a name without a prefix
	}
	if p.space(); p.at < len(p.text) && p.text[p.at] == '(' {
		return p.expected("a name, no function,")
	}
	return nil
}

// condition reads what stands in brackets. As in XPath, and binds before or.
func (p *parser) condition() ([]conjunction, error) {
	where := []conjunction{nil}
	for {
		c, err := p.comparison()
		if err != nil {
			return nil, err
		}
		last := len(where) - 1
		where[last] = append(where[last], c)
		if p.space(); p.accept("]") {
			return where, nil
		}
		switch p.ncName() {
		case "and":
		case "or":
			where = append(where, nil)
		default:
			return nil, p.expected("and, or or ]")
		}
	}
}

func (p *parser) comparison() (comparison, error) {
	var c comparison
	p.space()
	if c.parent = p.accept(".."); !c.parent && !p.accept(".") {
		if err := p.relative(&c); err != nil {
			return c, err
		}
	}
	p.space()
	if p.at == len(p.text) || strings.IndexByte("=<>", p.text[p.at]) < 0 {
		return c, p.expected("=, < or >")
	}
	c.operator = p.text[p.at]
	p.at++
	p.space()
	return c, p.value(&c)
}

// relative reads a path down from the context: elements, an attribute, or both.
func (p *parser) relative(c *comparison) error {
	for len(c.steps) < maxSteps {
		var s step
		if err := p.nodeTest(&s); err != nil {
			return err
		}
		c.steps = append(c.steps, s)
		if p.space(); s.attribute || !p.accept("/") {
			return nil
		}
		p.space()
	}
	return fmt.Errorf("has more than %d steps", maxSteps)
}

// value reads a quoted value or a number. What is compared by < or > must be a
// number, quoted or not.
func (p *parser) value(c *comparison) error {
	rest := p.text[p.at:]
	if rest != "" && (rest[0] == '"' || rest[0] == '\'') {
		end := strings.IndexByte(rest[1:], rest[0])
		if end < 0 {
			return p.expected("a closing quote")
		}
		c.value = collapse(rest[1 : 1+end])
		p.at += end + 2
		c.numeric = c.operator != '='
	} else {
		c.value = rest[:len(rest)-len(strings.TrimLeft(rest, "+-.0123456789"))]
		p.at += len(c.value)
		c.numeric = true
	}
	if c.numeric {
		var ok bool
		if c.number, ok = decimal(c.value); !ok || len(c.value) > maxLiteral {
			return p.expected("a number or a quoted value")
		}
		c.value = ""
	}
	return nil
}

func (p *parser) accept(token string) bool {
	if strings.HasPrefix(p.text[p.at:], token) {
		p.at += len(token)
		return true
	}
	return false
}

func (p *parser) space() {
	for p.at < len(p.text) && isSpace(p.text[p.at]) {
		p.at++
	}
}

// ncName reads a name without a colon, "" if there is none.
func (p *parser) ncName() string {
	n := nameLength(p.text[p.at:])
	p.at += n
	return p.text[p.at-n : p.at]
}

// nameLength counts the bytes of the name at the start of s. What XML allows
// in names beyond ASCII is not looked at: no name in a document has it.
func nameLength(s string) int {
	for i := range len(s) {
		c := s[i] | 0x20
		switch {
		case c >= 'a' && c <= 'z', s[i] >= utf8.RuneSelf, s[i] == '_':
		case i > 0 && (s[i] >= '0' && s[i] <= '9' || s[i] == '-' || s[i] == '.'):
		default:
			return i
		}
	}
	return len(s)
}

func (p *parser) expected(what string) error {
	rest := p.text[p.at:]
	if rest == "" {
		return fmt.Errorf("%s expected at the end", what)
	}
	return fmt.Errorf("%s expected at %.40q", what, rest)
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// collapse makes runs of white space one blank, and drops them at the ends, as
// the lexical rules of most types have it.
func collapse(s string) string {
	clean := true
	for i := range len(s) {
		if isSpace(s[i]) && (s[i] != ' ' || i == 0 || i == len(s)-1 || s[i-1] == ' ') {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < utf8.RuneSelf && isSpace(byte(r)) }), " ")
}

// Bounds of a number as written. One in a condition has no more digits than a
// float64 keeps.
const (
	maxDigits  = 40
	maxLiteral = 15
)

// isDecimal checks for xs:decimal.
func isDecimal(s string) bool {
	if s != "" && (s[0] == '+' || s[0] == '-') {
		s = s[1:]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	return len(s) <= maxDigits && whole+fraction != "" && strings.Trim(whole+fraction, "0123456789") == ""
}

func decimal(s string) (float64, bool) {
	if s = collapse(s); !isDecimal(s) {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

// namespaceName checks a namespace's name, which a list of them can hold.
func namespaceName(s string) (string, bool) {
	s = strings.TrimFunc(s, func(r rune) bool { return r < utf8.RuneSelf && isSpace(byte(r)) })
	for i := range len(s) {
		if isSpace(s[i]) {
			return s, false
		}
	}
	return s, s != ""
}
