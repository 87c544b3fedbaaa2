package sip

// AppendVias writes every Via of the request as a proxy forwards it below its
// own: each line with its CRLF, the top one with received and rport
// (RFC 3261 s.18.2.1, RFC 3581 s.4).
func (r *Request) AppendVias(dst []byte) []byte { return r.appendVias(dst) }

// Fields calls yield with every header field in order until it returns false.
// name is the long name of a field that we know, else as it is written; value
// is unfolded and trimmed.
func (m *message) Fields(yield func(name, value string) bool) {
	for i := range m.entries {
		e := &m.entries[i]
		name := m.name(e)
		if e.field != fieldOther {
			name = e.field.String()
		}
		if !yield(name, m.value(e)) {
			return
		}
	}
}
