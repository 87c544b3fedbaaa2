package xmlpatch

import (
	"math"
	"strings"
	"unicode/utf8"
)

// Parse reads a document of at most maxNodes elements, comments, processing
// instructions and pieces of text. It is for text that a stricter reader has
// looked at: of what is not well-formed it refuses what would mislead it. Any
// error is an *Error.
func Parse(text string, maxNodes int) (*Document, error) {
	text = strings.TrimPrefix(text, "\uFEFF")
	if len(text) > math.MaxInt32/4 || !utf8.ValidString(text) {
		return nil, failure(InvalidDiffFormat, "not UTF-8, or too large")
	}
	d := &Document{text: text, spaces: append(make([]string, 0, 8), "")}
	d.nodes = make([]node, 1, min(strings.Count(text, "<"), maxNodes)+2)
	r := reader{Document: d, most: maxNodes}
	for r.at < len(text) {
		if err := r.piece(); err != nil {
			return nil, err
		}
	}
	if r.parent != 0 || d.root() == 0 {
		return nil, failure(InvalidDiffFormat, "not one whole root element")
	}
	return d, nil
}

// reader reads a document from left to right, each byte once.
type reader struct {
	*Document
	at     int
	parent int32
	most   int
	scope  []scoped
}

// scoped is a prefix, "" for the default, in scope while the text is read.
type scoped struct {
	prefix  string
	space   uint16
	element int32 // that declares it
}

// piece reads one node, or an end tag.
func (r *reader) piece() *Error {
	rest := r.text[r.at:]
	switch {
	case rest[0] != '<':
		return r.characters(rest)
	case len(rest) > 1 && !endsName[rest[1]] && rest[1] != '!':
		return r.startTag(rest)
	case strings.HasPrefix(rest, "<!--"):
		return r.delimited(commentNode, "<!--", "-->")
	case strings.HasPrefix(rest, "<![CDATA["):
		if r.parent == 0 {
			return failure(InvalidDiffFormat, "text outside the root element")
		}
		return r.delimited(cdataNode, "<![CDATA[", "]]>")
	case strings.HasPrefix(rest, "<!"):
		return failure(InvalidEntityDeclaration, "a DOCTYPE is not supported")
	case strings.HasPrefix(rest, "<?"):
		return r.instruction(rest)
	case strings.HasPrefix(rest, "</"):
		return r.endTag(rest)
	}
	return failure(InvalidDiffFormat, "a malformed tag")
}

// node adds the next length bytes as a node.
func (r *reader) node(k kind, length int) (int32, *Error) {
	if len(r.nodes) > r.most {
		return 0, failure(InvalidDiffFormat, "too many elements, comments and pieces of text")
	}
	i := int32(len(r.nodes))
	r.nodes = append(r.nodes, node{kind: k, start: int32(r.at), end: int32(r.at + length)})
	r.insert(i, r.parent, r.nodes[r.parent].last)
	r.at += length
	return i, nil
}

func (r *reader) characters(rest string) *Error {
	length := strings.IndexByte(rest, '<')
	if length < 0 {
		length = len(rest)
	}
	s := rest[:length]
	if r.parent == 0 && strings.Trim(s, space) != "" {
		return failure(InvalidDiffFormat, "text outside the root element")
	}
	if err := references(s); err != nil {
		return err
	}
	_, err := r.node(textNode, length)
	return err
}

func (r *reader) delimited(k kind, open, end string) *Error {
	length := strings.Index(r.text[r.at+len(open):], end)
	if length < 0 {
		return failure(InvalidDiffFormat, "unfinished "+open)
	}
	_, err := r.node(k, len(open)+length+len(end))
	return err
}

func (r *reader) instruction(rest string) *Error {
	length := len("<?") + strings.Index(rest[len("<?"):], "?>")
	if length < len("<?") {
		return failure(InvalidDiffFormat, "an unfinished processing instruction")
	}
	target := nameAt(rest[2:length])
	if target == 0 || 2+target < length && !isSpaceByte(rest[2+target]) {
		return failure(InvalidDiffFormat, "a malformed processing instruction")
	}
	if rest[2:2+target] == "xml" && (len(r.nodes) > 1 || !isUTF8(rest[:length])) {
		return failure(InvalidCharacterSet, "the encoding is not UTF-8, or declared too late")
	}
	i, err := r.node(instructionNode, length+len("?>"))
	if err == nil {
		r.nodes[i].name = uint16(target)
	}
	return err
}

// isUTF8 tells whether an XML declaration allows UTF-8.
func isUTF8(declaration string) bool {
	_, encoding, found := strings.Cut(strings.ToLower(declaration), "encoding")
	return !found || strings.Contains(encoding, "utf-8") || strings.Contains(encoding, "us-ascii")
}

func (r *reader) endTag(rest string) *Error {
	if r.parent == 0 {
		return failure(InvalidDiffFormat, "an end tag too many")
	}
	rest, found := strings.CutPrefix(rest[len("</"):], r.qualified(r.parent))
	gap := blanks(rest)
	if !found || !strings.HasPrefix(rest[gap:], ">") {
		return failure(InvalidDiffFormat, "an end tag that does not match")
	}
	r.at = len(r.text) - len(rest) + gap + len(">")
	r.leave(r.parent)
	r.parent = r.nodes[r.parent].parent
	return nil
}

// leave ends the scope of what an element declares.
func (r *reader) leave(element int32) {
	for n := len(r.scope); n > 0 && r.scope[n-1].element == element; n-- {
		r.scope = r.scope[:n-1]
	}
}

func (r *reader) startTag(rest string) *Error {
	name := nameAt(rest[1:])
	at := 1 + name
	if name == 0 || r.parent == 0 && r.root() != 0 {
		return failure(InvalidDiffFormat, "a malformed tag, or a second root element")
	}
	element, outer := int32(len(r.nodes)), len(r.scope)
	for {
		a, ok := nextAttribute(rest, at)
		if !ok {
			break
		}
		if a.end < 0 || len(a.local) == 0 || a.start == at {
			return failure(InvalidDiffFormat, "a malformed attribute")
		}
		if err := references(a.value); err != nil {
			return err
		}
		if a.declares() {
			n := r.numbered(decode(a.value))
			if n < 0 {
				return failure(InvalidNamespaceURI, "too many namespaces")
			}
			r.scope = append(r.scope, scoped{a.bound(), uint16(n), element})
		}
		at = a.end
	}
	at += blanks(rest[at:])
	empty := strings.HasPrefix(rest[at:], "/>")
	if !empty && !strings.HasPrefix(rest[at:], ">") {
		return failure(InvalidDiffFormat, "an unfinished tag")
	}
	if at++; empty {
		at++
	}
	i, err := r.node(elementNode, at)
	if err != nil {
		return err
	}
	n := &r.nodes[i]
	n.name, n.prefix, n.declares = uint16(name), uint16(max(strings.IndexByte(rest[1:1+name], ':'), 0)), len(r.scope) > outer
	n.space = r.spaceOf(rest[1 : 1+n.prefix])
	if empty {
		r.leave(i)
	} else {
		r.parent = i
	}
	return nil
}

// spaceOf is the number of a prefix's namespace, 0 if it has none.
func (r *reader) spaceOf(prefix string) uint16 {
	for n := len(r.scope) - 1; n >= 0; n-- {
		if r.scope[n].prefix == prefix {
			return r.scope[n].space
		}
	}
	if prefix == "xml" {
		return uint16(max(r.numbered(namespaceXML), 0))
	}
	return 0
}
