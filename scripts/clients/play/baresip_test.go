package main

import (
	"bufio"
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestNetstrings(t *testing.T) {
	var b bytes.Buffer
	for _, s := range []string{`{"a":"Grüße"}`, ""} {
		if err := writeNetstring(&b, []byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	r := bufio.NewReader(&b)
	for _, want := range []string{`{"a":"Grüße"}`, ""} {
		if got, err := readNetstring(r); string(got) != want || err != nil {
			t.Errorf("%q, %v; not %q", got, err, want)
		}
	}
	for _, bad := range []string{"x:y,", "5:abc", "-1:,", "9999999999:x,"} {
		if got, err := readNetstring(bufio.NewReader(strings.NewReader(bad))); err == nil {
			t.Errorf("%q was read as %q", bad, got)
		}
	}
}

// A MESSAGE counts once baresip has answered it, one that it sends does not.
func TestBaresipTrace(t *testing.T) {
	p := newPhone(account{user: "alice0"}, stacks["baresip"])
	trace := baresipTrace{phone: p}
	for line := range strings.Lines(`noise
UDP 127.0.0.1:5060 -> 127.0.0.1:5070
MESSAGE sip:alice0-0x55@127.0.0.1:5070 SIP/2.0
Call-ID: 1

hello` + colourOff + `
UDP 127.0.0.1:5060 -> 127.0.0.1:5070
MESSAGE sip:alice0-0x55@127.0.0.1:5070 SIP/2.0
Call-ID: 2

refused` + colourOff + `
UDP 127.0.0.1:5070 -> 127.0.0.1:5060
MESSAGE sip:bob0@interop.test SIP/2.0
Call-ID: 3

sent` + colourOff + `
UDP 127.0.0.1:5070 -> 127.0.0.1:5060
SIP/2.0 200 OK
Call-ID: 1

` + colourOff + `
UDP 127.0.0.1:5070 -> 127.0.0.1:5060
SIP/2.0 415 Unsupported
Call-ID: 2

` + colourOff + `
`) {
		trace.line(strings.TrimSuffix(line, "\n"))
	}
	if !slices.Equal(p.messages, []string{"hello"}) {
		t.Errorf("%q", p.messages)
	}
}
