package main

import "testing"

func TestProbe(t *testing.T) {
	for _, c := range []struct {
		about   string
		args    []string
		want    float64
		none    bool
		refused bool
	}{
		{about: "a number", args: []string{"echo", "12.5"}, want: 12.5},
		{about: "nothing", args: []string{"true"}, none: true},
		{about: "words", args: []string{"echo", "plenty"}, refused: true},
		{about: "a command that fails", args: []string{"false"}, refused: true},
		{about: "no such command", args: []string{"/nowhere/to/be/found"}, refused: true},
	} {
		got, err := ask(t.Context(), c.args)
		if (err != nil) != c.refused || (got == nil) != (c.none || c.refused) || got != nil && *got != c.want {
			t.Errorf("%s: %v, %v", c.about, got, err)
		}
	}
}
