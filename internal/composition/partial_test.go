package composition

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	"presenced/pidf"
	"presenced/pidf/partial"
)

// Entity-tags are made of hashes: they are the same in every process, whatever
// is in the document, and differ for what differs.
func TestHashIsStable(t *testing.T) {
	for _, c := range []struct {
		text string
		want uint64
	}{
		{"", 0xb980766ac69e40c9},
		{"open", 0xb571694bd7c305b8},
		{"<presence/>", 0xeaabc9906e1b2d11},
	} {
		if got := Hash([]byte(c.text)); got != c.want {
			t.Errorf("%q: %#x, want %#x", c.text, got, c.want)
		}
	}
	seen := map[uint64]string{}
	body := bytes.Repeat([]byte{0}, 100)
	for length := range body {
		for at := range length {
			for flip := byte(1); flip != 0; flip <<= 1 {
				body[at] ^= flip
				h := Hash(body[:length])
				if other, taken := seen[h]; taken {
					t.Errorf("%d bytes, %d flipped: as %s", length, at, other)
				}
				seen[h] = fmt.Sprint(length, at, flip)
				body[at] ^= flip
			}
		}
	}
	seen = map[uint64]string{}
	for i := range 1000 {
		for j := range 200 {
			text := fmt.Sprintf("<tuple id=%q><contact priority=\"0.%d\">sip:bob@example.com</contact></tuple><note>%d</note>", fmt.Sprint(j), i, j*i)
			h := Hash([]byte(text))
			if other, taken := seen[h]; taken {
				t.Errorf("%s as %s", text, other)
			}
			seen[h] = text
		}
	}
}

func viewOf(status, note string) *View {
	bytes := []byte(`<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:bob@example.com"><tuple id="a"><status><basic>` + status +
		`</basic></status><contact>sip:bob@example.com</contact><note>A long one, which a difference need not repeat</note></tuple><note>` +
		note + `</note></presence>`)
	return &View{entity: "sip:bob@example.com", Bytes: bytes, Hash: Hash(bytes)}
}

// Whoever has the older view gets the newer one by what is told, under any
// version, from many goroutines.
func TestPartial(t *testing.T) {
	old, current := viewOf("open", "here"), viewOf("closed", "away")
	var wait sync.WaitGroup
	for version := range uint32(20) {
		wait.Go(func() {
			c := partial.Copy{}
			if err := c.Update(old.Partial(nil, 7+version)); err != nil {
				t.Error(err)
			}
			body := current.Partial(old, 8+version)
			if err := c.Update(body); err != nil || c.Version != 8+version {
				t.Errorf("version %d, %v:\n%s", c.Version, err, body)
			}
			got, err := pidf.Parse(c.Document)
			if err != nil || !got.Presence().Equal(current.Document().Presence()) {
				t.Errorf("the copy is\n%s", c.Document)
			}
			if !bytes.Contains(body, []byte("pidf-diff ")) {
				t.Errorf("not a difference:\n%s", body)
			}
		})
	}
	wait.Wait()
}

// What is kept is made once, and is bounded.
func TestFormsAreKept(t *testing.T) {
	current := viewOf("closed", "away")
	for range 3 {
		for i := range 2 * maxForms {
			if body := current.Partial(viewOf("open", fmt.Sprint(i)), 2); len(body) == 0 {
				t.Fatal("nothing")
			}
		}
	}
	if len(current.forms) != maxForms {
		t.Errorf("%d forms, want %d", len(current.forms), maxForms)
	}
	want := pidf.AppendFull(nil, current.Document(), 4000000000)
	for range 2 {
		if got := viewOf("closed", "away").Partial(nil, 4000000000); !bytes.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
	// Where nothing can be said of the difference, the whole is told.
	other := viewOf("open", "here")
	other.Bytes = bytes.Replace(other.Bytes, []byte("bob@"), []byte("eve@"), 1)
	if got := current.Partial(other, 4000000000); !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// BenchmarkPartial is the body of one of many NOTIFYs that tell the same
// difference.
func BenchmarkPartial(b *testing.B) {
	old, current := viewOf("open", "here"), viewOf("closed", "away")
	b.ReportAllocs()
	version := uint32(0)
	for b.Loop() {
		version++
		current.Partial(old, version)
	}
}

// BenchmarkHash is that of a document of 1 kB.
func BenchmarkHash(b *testing.B) {
	body := bytes.Repeat([]byte("presence"), 128)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		Hash(body)
	}
}
