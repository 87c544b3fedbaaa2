package pidf

import (
	"os"
	"path/filepath"
	"testing"

	"presenced/sip/siptest/schema"
)

// TestMain validates what these tests have written.
func TestMain(m *testing.M) { schema.Main(m) }

func emit(document []byte) string { return schema.Collect("application/pidf+xml", string(document)) }

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
