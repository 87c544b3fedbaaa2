package pidf

import (
	"bytes"
	"strconv"
	"strings"
)

// NamespacePartial is the namespace of partial presence (RFC 5262 s.3).
const NamespacePartial = "urn:ietf:params:xml:ns:pidf-diff"

// The two roots of application/pidf-diff+xml (RFC 5262 s.3).
var (
	PartialFull = Name{NamespacePartial, "pidf-full"} // the whole document
	PartialDiff = Name{NamespacePartial, "pidf-diff"} // what has changed in it
)

// AppendFull appends a presence document in the form that begins a series of
// partial ones: pidf-full with a version (RFC 5262 s.3, RFC 5263 s.4.4).
func AppendFull(dst []byte, d *Document, version uint32) []byte {
	p := freePrefix(d, d)
	dst = appendFullRoot(dst, d, p, version)
	root := &d.elements[0]
	dst = append(dst, d.body[root.open:root.close]...)
	dst = append(dst, "</"...)
	dst = append(dst, p...)
	return append(dst, ":pidf-full>\n"...)
}

func appendFullRoot(dst []byte, d *Document, p string, version uint32) []byte {
	dst = appendPartialRoot(dst, p, "pidf-full")
	root := d.Root()
	for prefix, namespace := range root.Declarations() {
		dst = appendDeclaration(dst, prefix, namespace)
	}
	dst = appendDeclaration(dst, p, NamespacePartial)
	for i := range d.attrs[:d.elements[0].attrCount] {
		a := &d.attrs[i]
		name := d.qualifiedName(a)
		if name == "version" {
			continue // presence has none
		}
		dst = append(append(append(dst, ' '), name...), `="`...)
		if name == "entity" {
			dst = AppendURI(dst, d.Entity())
		} else {
			dst = AppendValue(dst, decodeAttribute(d.body[a.value:a.valueEnd]))
		}
		dst = append(dst, '"')
	}
	return appendVersion(dst, version)
}

func appendPartialRoot(dst []byte, p, name string) []byte {
	dst = append(dst, `<?xml version="1.0" encoding="UTF-8"?>`+"\n<"...)
	dst = append(dst, p...)
	dst = append(dst, ':')
	return append(dst, name...)
}

const versionOpen = ` version="`

// appendVersion ends the start tag of a root: see [CutVersion].
func appendVersion(dst []byte, version uint32) []byte {
	dst = append(dst, versionOpen...)
	dst = strconv.AppendUint(dst, uint64(version), 10)
	return append(dst, "\">"...)
}

// CutVersion splits what AppendFull or AppendDiff wrote around the version's
// number, for those who send the same content under several numbers: the version
// counts within a subscription (RFC 5263 s.4.4). It is false for other bodies.
func CutVersion(partial []byte) (before, after []byte, ok bool) {
	// The first ">" ends the XML declaration, the second one the root's tag: what
	// is written into attributes has none.
	declaration := bytes.IndexByte(partial, '>') + 1
	end := declaration + bytes.IndexByte(partial[declaration:], '>') + 1
	at := bytes.LastIndex(partial[declaration:end], []byte(versionOpen))
	if at < 0 {
		return nil, nil, false
	}
	at += declaration
	return partial[:at+len(versionOpen)], partial[end-2:], true
}

// qualifiedName is an attribute's name as it stands in the text.
func (d *Document) qualifiedName(a *attribute) string {
	return d.body[a.start : a.start+qname{prefix: a.prefix, local: a.name}.length()]
}

// freePrefix is a prefix that the roots of two documents do not bind.
func freePrefix(a, b *Document) string {
	prefix := "p"
	for n := 1; binds(a, prefix) || binds(b, prefix); n++ {
		prefix = "p" + strconv.Itoa(n)
	}
	return prefix
}

// isOwnPrefix tells whether freePrefix gives out such prefixes.
func isOwnPrefix(prefix string) bool {
	digits, ok := strings.CutPrefix(prefix, "p")
	return ok && strings.Trim(digits, "0123456789") == ""
}

func binds(d *Document, prefix string) bool { return d.lookup(d.elements[0].scope, prefix) >= 0 }

// isBlank tells whether a piece of content is nothing but white space.
func isBlank(s string) bool { return strings.Trim(s, " \t\r\n") == "" }
