package main

import "bytes"

// inbound is what the generator needs of a request that the server sent.
type inbound struct {
	method, user []byte // user is that of the Request-URI: one of our Contacts
	cseq         uint32
	state        []byte // of Subscription-State
	body         []byte
	echo         [][]byte // the lines that an answer repeats (RFC 3261 s.8.2.6.2), with their CRLF
}

// scan reads a request. It keeps views of raw.
func (in *inbound) scan(raw []byte) bool {
	end := bytes.IndexByte(raw, '\n')
	if end < 0 {
		return false
	}
	method, uri, found := bytes.Cut(raw[:end], []byte(" sip:"))
	if !found {
		return false
	}
	user, _, found := bytes.Cut(uri, []byte("@"))
	if !found {
		return false
	}
	*in = inbound{method: method, user: user, echo: in.echo[:0]}
	for pos := end + 1; pos < len(raw); {
		n := bytes.IndexByte(raw[pos:], '\n') + 1
		if n == 0 {
			return false
		}
		line := raw[pos : pos+n]
		pos += n
		if line[0] == '\r' || line[0] == '\n' {
			in.body = raw[pos:]
			return in.cseq != 0
		}
		in.line(line)
	}
	return false
}

func (in *inbound) line(line []byte) {
	name, value, found := bytes.Cut(line, []byte(":"))
	if !found {
		return
	}
	name = bytes.TrimRight(name, " \t")
	switch len(name) {
	case 1:
		switch name[0] | 0x20 {
		case 'v', 'f', 't', 'i':
			in.echo = append(in.echo, line)
		}
	case len("To"), len("Via"), len("Call-ID"):
		if is(name, "to") || is(name, "via") || is(name, "call-id") {
			in.echo = append(in.echo, line)
		}
	case len("From"): // and CSeq
		switch {
		case is(name, "cseq"):
			in.cseq = number(value)
			in.echo = append(in.echo, line)
		case is(name, "from"):
			in.echo = append(in.echo, line)
		}
	case len("Subscription-State"):
		if is(name, "subscription-state") {
			in.state = bytes.TrimSpace(value)
		}
	}
}

// is compares a field's name with one in lower case.
func is(name []byte, lower string) bool {
	if len(name) != len(lower) {
		return false
	}
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// number reads the digits at the start.
func number(b []byte) (n uint32) {
	for _, c := range bytes.TrimLeft(b, " \t") {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + uint32(c-'0')
	}
	return n
}

// appendAnswer answers the request that in was scanned from.
func (in *inbound) appendAnswer(dst []byte, status string) []byte {
	dst = append(dst, "SIP/2.0 "...)
	dst = append(dst, status...)
	dst = append(dst, "\r\n"...)
	for _, line := range in.echo {
		dst = append(dst, line...)
	}
	return append(dst, "Content-Length: 0\r\n\r\n"...)
}

// headerValue finds a field of a response; the name is asked in lower case,
// compact is its short form or 0. It is nil when there is none.
func headerValue(raw []byte, lower string, compact byte) []byte {
	for {
		end := bytes.IndexByte(raw, '\n')
		if end <= 1 {
			return nil
		}
		line := raw[:end]
		raw = raw[end+1:]
		if line[0]|0x20 != lower[0] && line[0]|0x20 != compact {
			continue
		}
		name, value, found := bytes.Cut(line, []byte(":"))
		name = bytes.TrimRight(name, " \t")
		if found && (is(name, lower) || compact != 0 && len(name) == 1 && name[0]|0x20 == compact) {
			return bytes.TrimSpace(value)
		}
	}
}

// headerValues are all fields of that name in order.
func headerValues(raw []byte, lower string) (values []string) {
	for len(raw) > 0 {
		line, rest, _ := bytes.Cut(raw, []byte("\n"))
		if len(bytes.TrimSpace(line)) == 0 {
			break
		}
		if name, value, found := bytes.Cut(line, []byte(":")); found && is(bytes.TrimSpace(name), lower) {
			values = append(values, string(bytes.TrimSpace(value)))
		}
		raw = rest
	}
	return values
}

// stateNumber is the newest of the numbers that PUBLISHes put into a document.
func stateNumber(body []byte) (newest uint32) {
	for {
		_, after, found := bytes.Cut(body, []byte(seqMark))
		if !found {
			return newest
		}
		newest = max(newest, number(after))
		body = after
	}
}
