package schema

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { Main(m) }

const tuple = "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:bob@%s\">\n<tuple id=\"%s\"><status><basic>open</basic></status></tuple></presence>"

func data(t *testing.T) string {
	t.Helper()
	folder := os.Getenv("PRESENCED_RFC_DATA")
	if folder == "" {
		t.Skip("PRESENCED_RFC_DATA is not set: no document of any test is validated")
	}
	return folder
}

func TestValidateFindsFaults(t *testing.T) {
	folder := data(t)
	var c collection
	c.add("", "application/pidf+xml", fmt.Sprintf(tuple, "example.com", "a"))
	c.add("", "application/pidf+xml", fmt.Sprintf(tuple, "[2001:db8::1]", "a"))
	c.add("", "text/plain", "no document at all")
	if err := c.validate(folder); err != nil {
		t.Error(err)
	}
	c.add("", "Application/PIDF+xml; charset=UTF-8", fmt.Sprintf(tuple, "example.com", "not an ID"))
	err := c.validate(folder)
	if err == nil {
		t.Fatal("it is valid")
	}
	for _, want := range []string{"TestValidateFindsFaults (schema_test.go:", "line 2: ", "not an ID", `<tuple id="not an ID">`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "2001:db8") {
		t.Errorf("what is valid is told: %v", err)
	}
}

func TestEachDocumentOnce(t *testing.T) {
	var c collection
	for range 3 {
		c.add("first", "application/pidf+xml", "<a/>")
		c.add("second", "application/pidf-diff+xml", "<a/>")
	}
	if len(c.list) != 2 || c.list[0].test != "first" {
		t.Errorf("got %+v", c.list)
	}
}

func TestEachTypeHasItsSchema(t *testing.T) {
	folder := data(t)
	for mediaType, text := range map[string]string{
		"message/imdn+xml":                `<a/>`,
		"application/pidf-diff+xml":       `<pidf-diff xmlns="urn:ietf:params:xml:ns:pidf-diff"><move/></pidf-diff>`,
		"application/watcherinfo+xml":     `<watcherinfo xmlns="urn:ietf:params:xml:ns:watcherinfo" version="0"/>`,
		"application/xcap-error+xml":      `<xcap-error xmlns="urn:ietf:params:xml:ns:xcap-error"/>`,
		"application/patch-ops-error+xml": `<patch-ops-error xmlns="urn:ietf:params:xml:ns:patch-ops-error"><unlocated-node/></patch-ops-error>`,
		"application/auth-policy+xml":     `<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"><rule/></ruleset>`,
		"application/pidf+xml":            `<presence`,
	} {
		var c collection
		c.add("", mediaType, text)
		if err := c.validate(folder); err == nil || !strings.Contains(err.Error(), mediaType+", line 1: ") {
			t.Errorf("%s: %v", mediaType, err)
		}
	}
}

// A SIP message's body counts by its Content-Type, however that is written.
func TestMessages(t *testing.T) {
	for head, want := range map[string]string{
		"SIP/2.0 400 No\r\nContent-Type: application/patch-ops-error+xml": "application/patch-ops-error+xml",
		"NOTIFY sip:a@b SIP/2.0\r\nTo: c\r\nc : application/pidf+xml;x=y": "application/pidf+xml",
		"NOTIFY sip:a@b SIP/2.0\r\nContent-Type: text/plain":              "",
		"NOTIFY sip:a@b SIP/2.0": "",
	} {
		var c collection
		c.addMessage("", head+"\r\nContent-Length: 4\r\n\r\n<a/>")
		if want == "" && len(c.list) == 0 {
			continue
		}
		if len(c.list) != 1 || c.list[0].mediaType != want || c.list[0].text != "<a/>" {
			t.Errorf("%q: got %+v", head, c.list)
		}
	}
}

// Without xmllint CI fails, and nobody else.
func TestXmllintMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	var c collection
	c.add("", "application/pidf+xml", "<a/>")
	t.Setenv("CI", "")
	if err := c.validate("."); err != nil {
		t.Error(err)
	}
	t.Setenv("CI", "true")
	if err := c.validate("."); err == nil || !strings.Contains(err.Error(), "libxml2-utils") {
		t.Errorf("got %v", err)
	}
}
