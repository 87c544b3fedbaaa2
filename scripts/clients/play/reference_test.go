package main

import (
	"strings"
	"testing"
)

func TestReferenceCountsOpenServices(t *testing.T) {
	r := &reference{phone: newPhone(account{buddy: "sip:alice@interop.test"}, nil)}
	line := r.line()
	for _, tt := range []struct{ document, want string }{
		{`<presence><tuple id="a"><status><basic>open</basic></status></tuple>` + "\n" + `<tuple id="b"><status><basic>open</basic></status></tuple>` + "\n</presence>", "2"},
		{`<presence><tuple id="a"><status><basic>closed</basic></status></tuple></presence>`, "0"},
	} {
		for l := range strings.Lines(tt.document) {
			line(l)
		}
		if got := r.sees[r.buddy]; got != tt.want {
			t.Errorf("%s services open, want %s:\n%s", got, tt.want, tt.document)
		}
	}
}

// A watcher that has seen its buddy open must not have seen it closed since,
// whatever it shows now.
func TestUntilShows(t *testing.T) {
	for _, tt := range []struct {
		stack, state string
		saw          []string
		holds        bool
	}{
		{"purple", "open", []string{"open"}, true},
		{"purple", "open", []string{"", "closed", "open"}, true},
		{"purple", "open", []string{"closed", "open"}, true},
		{"purple", "open", []string{"open", "closed", "open"}, false},
		{"purple", "busy", []string{"open"}, true},
		{"baresip", "busy", []string{"open", "busy"}, true},
		{"baresip", "away", []string{"open", "closed"}, true},
		{"linphone", "away", []string{"open", "closed", "away"}, false},
	} {
		p := newPhone(account{buddy: "sip:alice@interop.test"}, stacks[tt.stack])
		p.saw, p.sees[p.buddy] = tt.saw, tt.saw[len(tt.saw)-1]
		if err := p.untilShows(t.Context(), tt.state); (err == nil) != tt.holds {
			t.Errorf("%s, %s, saw %q: %v", tt.stack, tt.state, tt.saw, err)
		}
	}
}
