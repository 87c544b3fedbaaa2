package policy

import (
	"testing"

	"presenced/sip/siptest/schema"
)

// TestMain validates what these tests have written.
func TestMain(m *testing.M) { schema.Main(m) }

func emit(document []byte) string { return schema.Collect("application/pidf+xml", string(document)) }
