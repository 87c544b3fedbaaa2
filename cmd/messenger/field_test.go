package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSplitList(t *testing.T) {
	for value, want := range map[string][]string{
		"":                        {""},
		"<sip:a>":                 {"<sip:a>"},
		"<sip:a;x,y>, <sip:b>;lr": {"<sip:a;x,y>", "<sip:b>;lr"},
		`"a, \"<b" <sip:a>,b`:     {`"a, \"<b" <sip:a>`, "b"},
	} {
		if got := splitList(value); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
}

func TestParameters(t *testing.T) {
	head, found := parameters(` Terminated ; Reason="timeout" ;retry-after = 5;;x`)
	if head != "terminated" || found["reason"] != "timeout" || found["retry-after"] != "5" || len(found) != 3 {
		t.Errorf("%q %v", head, found)
	}
}

func TestRetryAfter(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"": 0, "5": 5 * time.Second, "18000;duration=3600": 5 * time.Hour, "120 (I'm in a meeting)": 2 * time.Minute,
		"-1": 0, "99999999999999": 0, "soon": 0,
	} {
		if got := retryAfter(value); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}

func FuzzFields(f *testing.F) {
	f.Add(`"a, b" <sip:a,b>;tag=x, <sip:c>`)
	f.Add(`terminated;reason=giveup;retry-after=5`)
	f.Fuzz(func(t *testing.T, value string) {
		for _, e := range splitList(value) {
			if !strings.Contains(value, e) {
				t.Errorf("%q is no part of %q", e, value)
			}
		}
		if _, found := parameters(value); found[""] != "" {
			t.Errorf("a parameter without a name in %q", value)
		}
		if retryAfter(value) < 0 {
			t.Errorf("negative wait in %q", value)
		}
		if strings.ContainsAny(printable(value), "\x1b\r\n\x00") {
			t.Errorf("%q is not harmless", printable(value))
		}
	})
}

func FuzzPrincipal(f *testing.F) {
	f.Add("bob@example.com")
	f.Add("pres:b%20b@[::1]:5060;transport=tcp?x=y")
	f.Fuzz(func(t *testing.T, typed string) {
		u, err := parsePrincipal(typed)
		if err != nil {
			return
		}
		if strings.ContainsAny(u.String(), " \r\n<>") {
			t.Errorf("%q becomes %q", typed, u.String())
		}
	})
}
