package pidf

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// emitted gathers the documents that the tests have composed or written. They
// are validated with one run of xmllint when all tests have passed.
var emitted struct {
	sync.Mutex
	documents []string
}

func emit(document []byte) string {
	emitted.Lock()
	defer emitted.Unlock()
	emitted.documents = append(emitted.documents, string(document))
	return string(document)
}

func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := validate(); err != nil {
			fmt.Println("FAIL:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// validate checks every emitted document against the schemas of PIDF and its
// extensions.
func validate() error {
	data := os.Getenv("PRESENCED_RFC_DATA")
	if len(emitted.documents) == 0 || data == "" {
		return nil // TestSchemas says that it was skipped
	}
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		return fmt.Errorf("xmllint is needed to validate %d documents: install the Debian package libxml2-utils", len(emitted.documents))
	}
	dir, err := os.MkdirTemp("", "pidf")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	args := []string{"--nonet", "--noout", "--schema", filepath.Join(data, "schemas", "all.xsd")}
	seen := make(map[string]bool)
	for i, document := range emitted.documents {
		if seen[document] {
			continue
		}
		seen[document] = true
		name := filepath.Join(dir, fmt.Sprintf("%d.xml", i))
		if err := os.WriteFile(name, []byte(document), 0o600); err != nil {
			return err
		}
		args = append(args, name)
	}
	out, err := exec.Command(xmllint, args...).CombinedOutput()
	if err == nil {
		return nil
	}
	var report strings.Builder
	for line := range strings.Lines(string(out)) {
		if strings.HasSuffix(line, " validates\n") {
			continue
		}
		report.WriteString(line)
		var i int
		if _, scanned := fmt.Sscanf(strings.TrimPrefix(line, dir+"/"), "%d.xml fails", &i); scanned == nil {
			report.WriteString(emitted.documents[i])
		}
	}
	return fmt.Errorf("xmllint: %w\n%s", err, report.String())
}

// TestSchemas says whether the emitted documents will be validated.
func TestSchemas(t *testing.T) {
	if os.Getenv("PRESENCED_RFC_DATA") == "" {
		t.Skip("PRESENCED_RFC_DATA is not set: emitted documents are not validated against the schemas")
	}
	if _, err := exec.LookPath("xmllint"); err != nil {
		t.Fatal("xmllint is needed: install the Debian package libxml2-utils")
	}
}

// shared returns a folder of the RFC data beside the project.
func shared(t *testing.T, elem ...string) string {
	t.Helper()
	data := os.Getenv("PRESENCED_RFC_DATA")
	if data == "" {
		t.Skip("PRESENCED_RFC_DATA is not set")
	}
	return filepath.Join(append([]string{data}, elem...)...)
}

// Emit is emit for the tests outside the package.
func Emit(document []byte) string { return emit(document) }
