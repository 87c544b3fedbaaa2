package config

import (
	"fmt"
	"log/slog"
)

const redacted = "***"

// Secret is a string that is never printed: formatting, marshalling or logging it gives "***". The value is
// behind a pointer, because where fmt cannot call methods (a wrong verb, an unexported field) it prints fields.
type Secret struct {
	value *string
}

var (
	_ fmt.Formatter  = Secret{}
	_ fmt.Stringer   = Secret{}
	_ fmt.GoStringer = Secret{}
	_ slog.LogValuer = Secret{}
)

// NewSecret wraps value.
func NewSecret(value string) Secret { return Secret{&value} }

// Reveal returns the value, for the one place that needs it.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

func (Secret) String() string               { return redacted }
func (Secret) GoString() string             { return redacted }
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
func (Secret) LogValue() slog.Value         { return slog.StringValue(redacted) }

// Format covers the verbs that fmt would not route through String.
func (Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }
