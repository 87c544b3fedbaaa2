package main

import (
	"fmt"
	"strconv"
	"strings"
)

// values fill a template.
type values struct {
	user, peer  int32  // numbers of principals
	sub         uint64 // a subscription: index and incarnation
	stamp       uint64 // a transaction: task and generation
	cseq        uint32
	seq         uint32 // the state's number, in the PIDF
	expires     uint32 // seconds
	extra       string // whole header lines
	target, tag string // of the remote side of a dialog
}

type field byte

const (
	literal field = iota
	fieldUser
	fieldPeer
	fieldSub
	fieldStamp
	fieldCSeq
	fieldSeq
	fieldExpires
	fieldExtra
	fieldTarget
	fieldTag
)

var fieldNames = map[string]field{
	"user": fieldUser, "peer": fieldPeer, "sub": fieldSub, "stamp": fieldStamp, "cseq": fieldCSeq, "seq": fieldSeq,
	"expires": fieldExpires, "extra": fieldExtra, "target": fieldTarget, "tag": fieldTag,
}

type segment struct {
	field field
	text  string // of a literal
}

// template is a prepared message: what stays the same between what changes.
// Everything in a body has a fixed width, so that Content-Length is prepared too.
type template []segment

// compile reads a text with {placeholders}. A placeholder that names a
// constant becomes part of the text.
func compile(head, body string, constants map[string]string) (template, error) {
	content, err := cut(body, constants)
	if err != nil {
		return nil, err
	}
	constants["length"] = strconv.Itoa(len(content.append(nil, &values{})))
	head = strings.ReplaceAll(strings.TrimLeft(head, "\n"), "\n", "\r\n")
	t, err := cut(head+"\r\n", constants)
	return append(t, content...), err
}

func cut(text string, constants map[string]string) (template, error) {
	var t template
	add := func(s string) {
		if last := len(t) - 1; last >= 0 && t[last].field == literal {
			t[last].text += s
		} else if s != "" {
			t = append(t, segment{text: s})
		}
	}
	for text != "" {
		before, rest, found := strings.Cut(text, "{")
		add(before)
		if !found {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		constant, isConstant := constants[name]
		kind, isField := fieldNames[name]
		switch {
		case closed && isConstant:
			add(constant)
		case closed && isField:
			t = append(t, segment{field: kind})
		default:
			return nil, fmt.Errorf("template: unknown placeholder {%s", name)
		}
		text = after
	}
	return t, nil
}

func (t template) append(dst []byte, v *values) []byte {
	for i := range t {
		switch s := &t[i]; s.field {
		case literal:
			dst = append(dst, s.text...)
		case fieldUser:
			dst = appendDigits(dst, uint32(v.user), userDigits)
		case fieldPeer:
			dst = appendDigits(dst, uint32(v.peer), userDigits)
		case fieldSub:
			dst = appendHex(dst, v.sub)
		case fieldStamp:
			dst = appendHex(dst, v.stamp)
		case fieldCSeq:
			dst = strconv.AppendUint(dst, uint64(v.cseq), 10)
		case fieldSeq:
			dst = appendDigits(dst, v.seq, seqDigits)
		case fieldExpires:
			dst = strconv.AppendUint(dst, uint64(v.expires), 10)
		case fieldExtra:
			dst = append(dst, v.extra...)
		case fieldTarget:
			dst = append(dst, v.target...)
		case fieldTag:
			dst = append(dst, v.tag...)
		}
	}
	return dst
}

// appendDigits writes n with leading zeros.
func appendDigits(dst []byte, n uint32, width int) []byte {
	start := len(dst)
	for range width {
		dst = append(dst, '0')
	}
	for i := len(dst) - 1; i >= start; i-- {
		dst[i] = '0' + byte(n%10)
		n /= 10
	}
	return dst
}

const hexDigits = "0123456789abcdef"

// appendHex writes 16 digits.
func appendHex(dst []byte, n uint64) []byte {
	for shift := 60; shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[n>>shift&15])
	}
	return dst
}

// parseHex reads 16 digits.
func parseHex(b []byte) (n uint64, ok bool) {
	if len(b) < 16 {
		return 0, false
	}
	for _, c := range b[:16] {
		switch {
		case c >= '0' && c <= '9':
			n = n<<4 | uint64(c-'0')
		case c >= 'a' && c <= 'f':
			n = n<<4 | uint64(c-'a'+10)
		default:
			return 0, false
		}
	}
	return n, true
}
