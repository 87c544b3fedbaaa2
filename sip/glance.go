package sip

import (
	"bytes"
	"strings"
)

// GlanceResponse finds in a response what matches it to its request (RFC 3261
// s.17.1.3): the code, the top Via's branch and CSeq's method. It allocates
// nothing and looks at no more; branch and method are views of raw. ok is
// false where one of them is missing or written so oddly (folded, quoted)
// that only ParseResponse can tell.
func GlanceResponse(raw []byte) (code int, branch, method []byte, ok bool) {
	end := bytes.IndexByte(raw, '\n')
	if end < 0 {
		return 0, nil, nil, false
	}
	code, _, ok = cutStatusLine(trim(view(raw[:end])))
	if !ok {
		return 0, nil, nil, false
	}
	var viaSeen, cseqSeen bool
	for pos := end + 1; !viaSeen || !cseqSeen; {
		n := bytes.IndexByte(raw[pos:], '\n')
		if n <= 0 || raw[pos] == '\r' {
			return 0, nil, nil, false
		}
		line := raw[pos : pos+n]
		pos += n + 1
		switch line[0] | 0x20 {
		case 'v':
			if value := glanceField(line, fieldVia); value != nil && !viaSeen {
				viaSeen, branch = true, glanceBranch(value)
			}
		case 'c':
			if value := glanceField(line, fieldCSeq); value != nil && !cseqSeen {
				cseqSeen, method = true, glanceMethod(value)
			}
		}
	}
	if len(branch) == 0 || len(method) == 0 {
		return 0, nil, nil, false
	}
	return code, branch, method, true
}

// glanceField is the line's value if it is that field, else nil.
func glanceField(line []byte, f field) []byte {
	colon := bytes.IndexByte(line, ':')
	if colon < 0 || fieldOf(strings.TrimRight(view(line[:colon]), " \t")) != f {
		return nil
	}
	return line[colon+1:]
}

// glanceBranch finds the branch in the first element of a Via.
func glanceBranch(via []byte) []byte {
	if bytes.IndexByte(via, '"') >= 0 {
		return nil
	}
	if i := bytes.IndexByte(via, ','); i >= 0 {
		via = via[:i]
	}
	for {
		i := bytes.IndexByte(via, ';')
		if i < 0 {
			return nil
		}
		via = bytes.TrimLeft(via[i+1:], " \t")
		if len(via) < 7 || !equalFold(view(via[:6]), "branch") {
			continue
		}
		value := bytes.TrimLeft(via[6:], " \t")
		if len(value) == 0 || value[0] != '=' {
			continue
		}
		value = value[1:]
		if end := bytes.IndexByte(value, ';'); end >= 0 {
			value = value[:end]
		}
		return bytes.TrimSpace(value)
	}
}

// glanceMethod is what follows the number in a CSeq.
func glanceMethod(cseq []byte) []byte {
	cseq = bytes.TrimSpace(cseq)
	i := bytes.IndexAny(cseq, " \t")
	if i <= 0 || !isDigit(cseq[0]) {
		return nil
	}
	return bytes.TrimSpace(cseq[i:])
}
