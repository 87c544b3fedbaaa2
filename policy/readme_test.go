package policy

import (
	"os"
	"regexp"
	"testing"
)

// The documents that README shows are read, and mean what it says of them.
func TestDocumentsOfREADME(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	docs := regexp.MustCompile(`(?s)<cp:ruleset.*?</cp:ruleset>`).FindAll(text, -1)
	if len(docs) != 2 {
		t.Fatalf("%d documents, want visibility rules and a delegation", len(docs))
	}
	v, err := ParseVisibility(docs[0])
	if err != nil {
		t.Fatal(err)
	}
	if at := v.Of("sip:bob@example.net", Context{}); at != Hidden {
		t.Errorf("of example.net: %v", at)
	}
	if at := v.Of("sip:bob@example.com", Context{}); at != Shown {
		t.Errorf("of example.com: %v", at)
	}
	d, err := ParseDelegation(docs[1])
	if err != nil {
		t.Fatal(err)
	}
	if may := d.Of("sip:carol@example.com", Context{}); may != (Delegated{Publish: true, Watchers: true}) {
		t.Errorf("carol may %+v", may)
	}
}
