package server

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// rows are the first column of the design's section 9, "Bad input and what it
// gets". Each has a transcript that says "row" and its text.
var rows = []string{
	"unparseable, but top Via can be read",
	"Via, From, To, Call-ID or CSeq missing or twice; Contact missing in SUBSCRIBE; CSeq method differs; Content-Length beyond the datagram",
	"TCP without Content-Length, or a framing error",
	"SIP version not 2.0",
	"Max-Forwards 0 and we would forward",
	"method unknown / known but not served here (INVITE: stateless)",
	"ACK / CANCEL",
	"Require not understood",
	"Request-URI scheme unknown",
	"domain not ours, no route to it",
	"Event missing or unknown / a second subscription (other package or id) inside a dialog",
	"body of a type or Content-Encoding not understood / Accept that excludes all we have",
	"body not well-formed, hostile, about another presentity, or missing in an initial PUBLISH",
	"too large",
	"Expires too brief",
	"entity-tag unknown or stale",
	"no credentials / wrong / stale nonce",
	"authenticated, but not allowed",
	"dialog unknown / CSeq lower than the last accepted in it (a challenged request does not count)",
	"one principal's quota reached",
	"store away, or overload",
	"retransmission",
}

func TestEveryRowHasATranscript(t *testing.T) {
	shown := map[string]bool{}
	for _, s := range scripts(t, memoryPrefix) {
		for _, row := range s.Rows {
			shown[row] = true
			if !slices.Contains(rows, row) {
				t.Errorf("%s shows a row that there is not: %q", s.Name, row)
			}
			if !strings.HasPrefix(s.Name, "9-") {
				t.Errorf("%s shows a row, so its name begins with 9-", s.Name)
			}
		}
	}
	for _, row := range rows {
		if !shown[row] {
			t.Errorf("no transcript shows %q", row)
		}
	}
}

// TestRowsAreTheDesigns holds the list against the design, where that is.
func TestRowsAreTheDesigns(t *testing.T) {
	data := os.Getenv("PRESENCED_RFC_DATA")
	if data == "" {
		t.Skip("PRESENCED_RFC_DATA is not set")
	}
	design, err := os.ReadFile(filepath.Join(data, "design.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(design), "\n## 9. ")
	section, _, _ = strings.Cut(section, "\n## ")
	var designed []string
	for line := range strings.Lines(section) {
		if cells := strings.Split(line, "|"); len(cells) > 2 {
			designed = append(designed, strings.TrimSpace(cells[1]))
		}
	}
	if len(designed) < 3 || !slices.Equal(designed[2:], rows) {
		t.Errorf("the design has %q", designed)
	}
}
