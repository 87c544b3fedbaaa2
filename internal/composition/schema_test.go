package composition_test

import (
	"testing"

	"presenced/sip/siptest/schema"
)

// TestMain validates what these tests have composed.
func TestMain(m *testing.M) { schema.Main(m) }
