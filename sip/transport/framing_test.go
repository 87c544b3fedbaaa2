package transport

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

const testMax = 20000

// framed is what a stream turned into.
type framed struct {
	messages []string
	pings    int
	err      error
}

// frameAll feeds the stream to a framer in pieces; pieces[i] is the length of
// the i-th, starting again at the end.
func frameAll(stream []byte, pieces []byte) framed {
	var out framed
	f := framer{max: testMax}
	var buf []byte
	for i := 0; len(stream) > 0; i++ {
		k := len(stream)
		if len(pieces) > 0 {
			k = min(k, 1+int(pieces[i%len(pieces)]))
		}
		buf = append(buf, stream[:k]...)
		stream = stream[k:]
		for {
			skip, pings := f.between(buf)
			buf = buf[skip:]
			out.pings += pings
			size, err := f.next(buf)
			if err != nil {
				out.err = err
				return out
			}
			if size == 0 {
				break
			}
			out.messages = append(out.messages, string(buf[:size]))
			buf = buf[size:]
		}
	}
	return out
}

func message(lines ...string) string {
	head, body, _ := strings.Cut(strings.Join(lines, "\r\n"), "\r\n\r\n")
	return head + "\r\n\r\n" + body
}

var (
	options = message("OPTIONS sip:a SIP/2.0", "Content-Length: 0", "", "")
	publish = message("PUBLISH sip:a@b SIP/2.0", "l:5", "", "12345")
	okay    = message("SIP/2.0 200 OK", "CONTENT-LENGTH :\t3  ", "", "abc")
	folded  = message("NOTIFY sip:a SIP/2.0", "Content-Length:", "\t2", "", "xy")
)

func TestFraming(t *testing.T) {
	pad := strings.Repeat("x", testMax)
	tests := []struct {
		name     string
		stream   string
		messages []string
		pings    int
		err      error
	}{
		{"one", options, []string{options}, 0, nil},
		{"pipelined", options + publish + okay + folded, []string{options, publish, okay, folded}, 0, nil},
		{"incomplete body", publish[:len(publish)-1], nil, 0, nil},
		{"line ends before a message", "\r\n" + options, []string{options}, 0, nil},
		{"ping", "\r\n\r\n", nil, 1, nil},
		{"two pings", "\r\n\r\n\r\n\r\n", nil, 2, nil},
		{"half a ping on either side", "\r\n" + options + "\r\n", []string{options}, 0, nil},
		{"ping between messages", options + "\r\n\r\n" + publish, []string{options, publish}, 1, nil},
		{"bare line feeds", "\n\nMESSAGE sip:a SIP/2.0\nl: 1\n\nx", []string{"MESSAGE sip:a SIP/2.0\nl: 1\n\nx"}, 0, nil},
		{"a blank line in the body", "A sip:a SIP/2.0\r\nl: 6\r\n\r\na\r\n\r\nb" + options, []string{"A sip:a SIP/2.0\r\nl: 6\r\n\r\na\r\n\r\nb", options}, 0, nil},
		{"another version passes", "A sip:a SIP/7.0 \r\nl: 0\r\n\r\n", []string{"A sip:a SIP/7.0 \r\nl: 0\r\n\r\n"}, 0, nil},
		{"no length", message("OPTIONS sip:a SIP/2.0", "To: x", "", ""), nil, 0, errNoContentLength},
		{"after a good one", options + message("SIP/2.0 200 OK", "", ""), []string{options}, 0, errNoContentLength},
		{"length twice", message("A sip:a SIP/2.0", "l: 0", "Content-Length: 0", "", ""), nil, 0, errTwoLengths},
		{"no number", message("A sip:a SIP/2.0", "l: many", "", ""), nil, 0, errBadContentLength},
		{"negative", message("A sip:a SIP/2.0", "l: -1", "", ""), nil, 0, errBadContentLength},
		{"two numbers", message("A sip:a SIP/2.0", "l: 1 2", "", ""), nil, 0, errBadContentLength},
		{"empty", message("A sip:a SIP/2.0", "l:", "", ""), nil, 0, errBadContentLength},
		{"not a length", message("A sip:a SIP/2.0", "lx: 1", "", ""), nil, 0, errNoContentLength},
		{"huge number", message("A sip:a SIP/2.0", "l: 99999999999999999999999999", "", ""), nil, 0, ErrTooLarge},
		{"body too large", message("A sip:a SIP/2.0", fmt.Sprint("l: ", testMax-10), "", ""), nil, 0, ErrTooLarge},
		{"head too large", "A sip:a SIP/2.0\r\nX: " + pad, nil, 0, ErrTooLarge},
		{"start line too long", "A sip:" + pad[:maxStartLine] + " SIP/2.0\r\n", nil, 0, errNotSIP},
		{"HTTP", "GET / HTTP/1.1\r\n\r\n", nil, 0, errNotSIP},
		{"TLS on a plain port", "\x16\x03\x01", nil, 0, errNotSIP},
		{"lone CR", "\rx", nil, 0, errNotSIP},
		{"blank", " A sip:a SIP/2.0\r\n", nil, 0, errNotSIP},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, pieces := range [][]byte{nil, {0}, {1}, {6, 0, 200}} {
				got := frameAll([]byte(test.stream), pieces)
				if fmt.Sprintf("%q", got.messages) != fmt.Sprintf("%q", test.messages) || got.pings != test.pings || got.err != test.err {
					t.Errorf("in pieces of %v: %q, %d pings, %v", pieces, got.messages, got.pings, got.err)
				}
				if test.err != nil && test.err != ErrTooLarge && !errors.Is(got.err, ErrFraming) {
					t.Error("not an ErrFraming")
				}
			}
		})
	}
}

// FuzzStream: bytes give the same messages however they arrive.
func FuzzStream(f *testing.F) {
	for _, s := range []string{options, publish + okay, "\r\n\r\n" + folded, "\r", "GET / HTTP/1.1\r\n"} {
		f.Add([]byte(s), []byte{0})
		f.Add([]byte(s+s), []byte{3, 100})
	}
	f.Add([]byte("A sip:a SIP/2.0\r\nl: 1\r\n 2\r\nl\t:3\r\n\r\n"), []byte{7})
	f.Fuzz(func(t *testing.T, stream, pieces []byte) {
		if len(stream) > 4*testMax {
			return
		}
		whole, parts := frameAll(stream, nil), frameAll(stream, pieces)
		if fmt.Sprintf("%q", whole.messages) != fmt.Sprintf("%q", parts.messages) || whole.pings != parts.pings || whole.err != parts.err {
			t.Errorf("whole: %q, %d, %v\nin pieces: %q, %d, %v",
				whole.messages, whole.pings, whole.err, parts.messages, parts.pings, parts.err)
		}
		for _, m := range whole.messages {
			if len(m) > testMax {
				t.Errorf("a message of %d bytes", len(m))
			}
			if !bytes.Contains(stream, []byte(m)) {
				t.Errorf("%q is not in the stream", m)
			}
		}
	})
}

func BenchmarkFraming(b *testing.B) {
	one := "PUBLISH sip:alice@example.com SIP/2.0\r\n" + strings.Repeat("Some-Header: a value of usual length\r\n", 12) +
		"Content-Length: 1000\r\n\r\n" + strings.Repeat("x", 1000)
	buf := []byte(strings.Repeat(one, 8))
	f := framer{max: 65535}
	b.SetBytes(int64(len(one)))
	b.ReportAllocs()
	rest := buf
	for b.Loop() {
		size, err := f.next(rest)
		if err != nil || size != len(one) {
			b.Fatal(size, err)
		}
		if rest = rest[size:]; len(rest) == 0 {
			rest = buf
		}
	}
}
