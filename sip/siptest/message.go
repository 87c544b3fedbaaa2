package siptest

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// message is a SIP message as an agent sees it. It is read by code of its own,
// so that a fault of package sip's parser does not hide itself.
type message struct {
	start  string
	fields []field
	body   string
}

type field struct{ name, value string }

// longNames are the compact forms of RFC 3261 s.7.3.3 and later RFCs.
var longNames = map[string]string{
	"v": "Via", "f": "From", "t": "To", "i": "Call-ID", "m": "Contact", "l": "Content-Length",
	"c": "Content-Type", "e": "Content-Encoding", "k": "Supported", "s": "Subject",
	"o": "Event", "u": "Allow-Events",
}

func sameName(a, b string) bool {
	if long, ok := longNames[strings.ToLower(a)]; ok {
		a = long
	}
	return strings.EqualFold(a, b)
}

// readMessage reads what a node sent: strictly, for we send nothing odd.
func readMessage(data []byte) (*message, error) {
	head, body, found := bytes.Cut(data, []byte("\r\n\r\n"))
	if !found {
		return nil, fmt.Errorf("no end of the head in %q", data)
	}
	lines := strings.Split(string(head), "\r\n")
	m := &message{start: lines[0], body: string(body)}
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.ContainsAny(name, " \t") {
			return nil, fmt.Errorf("no header field: %q", line)
		}
		m.fields = append(m.fields, field{name, strings.TrimSpace(value)})
	}
	if n, err := strconv.Atoi(m.get("Content-Length")); err != nil || n != len(body) {
		return nil, fmt.Errorf("Content-Length is %q for %d bytes", m.get("Content-Length"), len(body))
	}
	return m, nil
}

func (m *message) get(name string) string {
	for _, f := range m.fields {
		if sameName(f.name, name) {
			return f.value
		}
	}
	return ""
}

func (m *message) values(name string) (all []string) {
	for _, f := range m.fields {
		if sameName(f.name, name) {
			all = append(all, f.value)
		}
	}
	return all
}

// set replaces every field of this name by one, or appends it.
func (m *message) set(name, value string) {
	for i, f := range m.fields {
		if sameName(f.name, name) {
			rest := (&message{fields: m.fields[i+1:]}).without(name)
			m.fields = append(append(m.fields[:i:i], field{name, value}), rest...)
			return
		}
	}
	m.fields = append(m.fields, field{name, value})
}

func (m *message) without(name string) (rest []field) {
	for _, f := range m.fields {
		if !sameName(f.name, name) {
			rest = append(rest, f)
		}
	}
	return rest
}

func (m *message) clone() *message {
	c := *m
	c.fields = append([]field(nil), m.fields...)
	return &c
}

func (m *message) String() string {
	var b strings.Builder
	b.WriteString(m.start + "\r\n")
	for _, f := range m.fields {
		b.WriteString(f.name + ": " + f.value + "\r\n")
	}
	b.WriteString("\r\n" + m.body)
	return b.String()
}

// method is a request's; code is a response's, else 0.
func (m *message) method() string {
	if m.code() != 0 {
		return ""
	}
	method, _, _ := strings.Cut(m.start, " ")
	return method
}

func (m *message) code() int {
	words := strings.SplitN(m.start, " ", 3)
	if words[0] != "SIP/2.0" || len(words) < 2 {
		return 0
	}
	code, err := strconv.Atoi(words[1])
	if err != nil {
		return 0
	}
	return code
}

func (m *message) requestURI() string {
	words := strings.Fields(m.start)
	if len(words) < 2 {
		return ""
	}
	return words[1]
}

// param is a parameter of a header field's value, outside <>.
func param(value, name string) string {
	if i := strings.LastIndexByte(value, '>'); i >= 0 {
		value = value[i:]
	}
	for _, p := range strings.Split(value, ";")[1:] {
		if k, v, _ := strings.Cut(strings.TrimSpace(p), "="); strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}
