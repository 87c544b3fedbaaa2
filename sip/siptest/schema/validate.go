package schema

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// validate holds all that was gathered against the schemas below data.
func (c *collection) validate(data string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if data == "" || len(c.list) == 0 {
		return nil
	}
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		if os.Getenv("CI") == "true" {
			return fmt.Errorf("xmllint is needed to validate %d documents: install the Debian package libxml2-utils", len(c.list))
		}
		fmt.Fprintf(os.Stderr, "%d documents are not validated: xmllint is missing\n", len(c.list))
		return nil
	}
	dir, err := os.MkdirTemp("", "schema")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	files := map[validator][]string{}
	for i, d := range c.list {
		name := strconv.Itoa(i) + ".xml"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(plain(d.text)), 0o600); err != nil {
			return err
		}
		v := validators[d.mediaType]
		files[v] = append(files[v], name)
	}
	var faults []error
	for v, names := range files {
		args := append([]string{"--nonet", "--noout", v.option, filepath.Join(data, "schemas", v.file)}, names...)
		cmd := exec.Command(xmllint, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			faults = append(faults, fmt.Errorf("xmllint %s: %w\n%s", v.file, err, c.report(string(out))))
		}
	}
	return errors.Join(faults...)
}

// reference is an IPv6 reference in a URI, which libxml2's anyURI refuses
// although RFC 3986 s.3.2.2 has it.
var reference = regexp.MustCompile(`@\[[0-9A-Fa-f:.]+\]`)

// plain is a document as xmllint can judge it.
func plain(text string) string { return reference.ReplaceAllString(text, "@ipv6.invalid") }

// fault is a line in which xmllint says what is wrong, and where.
var fault = regexp.MustCompile(`^(\d+)\.xml:(\d+): (.*)`)

// report says for each fault which test showed the document, and its line.
func (c *collection) report(out string) string {
	var b strings.Builder
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\n")
		found := fault.FindStringSubmatch(line)
		switch {
		case found != nil:
			i, _ := strconv.Atoi(found[1]) // the expression lets only digits through
			n, _ := strconv.Atoi(found[2])
			d := c.list[i]
			fmt.Fprintf(&b, "%s: %s, line %d: %s\n", d.test, d.mediaType, n, found[3])
			if lines := strings.Split(d.text, "\n"); n > 0 && n <= len(lines) {
				fmt.Fprintf(&b, "\t%s\n", strings.TrimSpace(lines[n-1]))
			}
		case !strings.HasSuffix(line, " validates") && !strings.HasSuffix(line, " fails to validate"):
			fmt.Fprintln(&b, line)
		}
	}
	return b.String()
}
