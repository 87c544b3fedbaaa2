package server

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// documents are all that the nodes of these tests sent, each once.
var documents = collection{seen: map[string]bool{}}

type collection struct {
	mu   sync.Mutex
	seen map[string]bool
}

// collect is siptest.Player's Document.
func (c *collection) collect(mediaType, body string) {
	// libxml2's anyURI refuses the IPv6 references of RFC 3986 s.3.2.2.
	if mediaType != "application/pidf+xml" && mediaType != "application/watcherinfo+xml" || strings.Contains(body, "@[") {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen[body] = true
}

func TestMain(m *testing.M) {
	code := m.Run()
	if err := documents.validate(os.Getenv("PRESENCED_RFC_DATA")); err != nil {
		fmt.Fprintln(os.Stderr, "documents that the nodes sent:", err)
		code = 1
	}
	os.Exit(code)
}

// validate holds all of them against the RFCs' schemas, in one call.
func (c *collection) validate(data string) error {
	if data == "" || len(c.seen) == 0 {
		return nil
	}
	if _, err := exec.LookPath("xmllint"); err != nil {
		return fmt.Errorf("%w: it is in the Debian package libxml2-utils", err)
	}
	dir, err := os.MkdirTemp("", "documents")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	args := []string{"--noout", "--nonet", "--schema", filepath.Join(data, "schemas", "all.xsd")}
	for body := range c.seen {
		file := filepath.Join(dir, fmt.Sprintf("%d.xml", len(args)))
		if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
			return err
		}
		args = append(args, file)
	}
	out, err := exec.Command("xmllint", args...).CombinedOutput()
	if err == nil {
		return nil
	}
	var faults strings.Builder
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, " validates") {
			faults.WriteString(line)
		}
	}
	return fmt.Errorf("%w:\n%s", err, faults.String())
}

func TestValidateFindsFaults(t *testing.T) {
	data := os.Getenv("PRESENCED_RFC_DATA")
	if data == "" {
		t.Skip("PRESENCED_RFC_DATA is not set")
	}
	c := collection{seen: map[string]bool{}}
	const tuple = `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:bob@example.com"><tuple id="%s"><status><basic>open</basic></status></tuple></presence>`
	c.collect("application/pidf+xml", fmt.Sprintf(tuple, "a"))
	if err := c.validate(data); err != nil {
		t.Error(err)
	}
	c.collect("application/pidf+xml", fmt.Sprintf(tuple, "not an ID"))
	if err := c.validate(data); err == nil || !strings.Contains(err.Error(), "not an ID") {
		t.Errorf("got %v", err)
	}
}
