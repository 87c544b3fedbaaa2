package server

import (
	"testing"

	"presenced/sip/siptest/schema"
)

// TestMain validates all that the nodes of these tests have sent.
func TestMain(m *testing.M) { schema.Main(m) }
