package digest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestChallengeFields(t *testing.T) {
	for _, test := range []struct {
		name string
		c    Challenge
		want []string
	}{
		{"default", Challenge{Realm: "example.test", Nonce: "n"},
			[]string{`Digest realm="example.test", nonce="n", algorithm=MD5, qop="auth"`}},
		{"stale", Challenge{Realm: "example.test", Nonce: "n", Stale: true},
			[]string{`Digest realm="example.test", nonce="n", algorithm=MD5, qop="auth", stale=true`}},
		{"two, in order", Challenge{Realm: "example.test", Nonce: "n", Algorithms: []Algorithm{SHA256, MD5}},
			[]string{`Digest realm="example.test", nonce="n", algorithm=SHA-256, qop="auth"`,
				`Digest realm="example.test", nonce="n", algorithm=MD5, qop="auth"`}},
		{"realm with quotes", Challenge{Realm: `a"b\c`, Nonce: "n"},
			[]string{`Digest realm="a\"b\\c", nonce="n", algorithm=MD5, qop="auth"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := slices.Collect(test.c.Fields()); !slices.Equal(got, test.want) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestAuthorize(t *testing.T) {
	for _, test := range []struct {
		name   string
		fields []string
		alg    Algorithm
		qop    string
	}{
		{"the topmost", []string{`Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth"`, `Digest realm="r", nonce="n", algorithm=MD5, qop="auth"`}, SHA256, "auth"},
		{"the first supported", []string{`Basic realm="r"`, `Digest realm="r", nonce="n", algorithm=NEW, qop="auth"`, `Digest realm="r", nonce="n", qop="auth"`}, MD5, "auth"},
		{"auth among others", []string{`Digest realm="r", domain="sip:a sip:b", nonce="n", qop="auth-int, auth", opaque=""`}, MD5, "auth"},
		{"a malformed one is skipped", []string{`Digest realm="r", nonce="n", nonce="m"`, `Digest realm="r", nonce="n", algorithm=SHA-512-256, qop="auth"`}, SHA512256, "auth"},
		{"without qop", []string{`Digest realm="r", nonce="n"`}, MD5, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			field, err := Authorize(test.fields, "MESSAGE", "sip:bob@example.test", `al"ice`, "secret")
			if err != nil {
				t.Fatal(err)
			}
			c, err := Parse(field)
			if err != nil {
				t.Fatal(err)
			}
			if c.Algorithm != test.alg || c.Qop != test.qop || c.Username != `al"ice` || c.URI != "sip:bob@example.test" {
				t.Errorf("credentials %s", field)
			}
			if !c.matches("MESSAGE", HA1(c.Algorithm, `al"ice`, "r", "secret")) {
				t.Errorf("does not verify: %s", field)
			}
		})
	}
}

func TestAuthorizeRefuses(t *testing.T) {
	for _, field := range []string{
		`Basic realm="r"`,
		`Digest realm="r"`,
		`Digest nonce="n"`,
		`Digest realm="r", nonce="n", qop="auth-int"`,
		`Digest realm="r", nonce="n", algorithm=MD5-sess, qop="auth"`,
	} {
		if got, err := Authorize([]string{field}, "MESSAGE", "sip:bob@example.test", "alice", "secret"); !errors.Is(err, ErrNoChallenge) {
			t.Errorf("%s: %q, %v", field, got, err)
		}
	}
}

func FuzzAuthorize(f *testing.F) {
	f.Add(`Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth"`)
	f.Add(`Digest realm="a\"b", nonce="", qop=auth-int`)
	f.Fuzz(func(t *testing.T, field string) {
		answer, err := Authorize([]string{field}, "MESSAGE", "sip:bob@example.test", "alice", "secret")
		if err != nil || len(answer) > MaxField {
			return
		}
		if c, err := Parse(answer); err != nil || !c.matches("MESSAGE", HA1(c.Algorithm, "alice", c.Realm, "secret")) {
			t.Errorf("%q is answered by %q (%v)", field, answer, err)
		}
	})
}

func Example() {
	keys := NewKeys(Key{ID: 1, Secret: [32]byte{ /* 32 random bytes */ }}, nil)
	verifier := NewVerifier(Limits{})
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

	// The agent challenges a request.
	seed := NonceSeed{Branch: "z9hG4bK776asdhds", CallID: "a84b4c76e66710", CSeq: 1}
	challenge := Challenge{Realm: "example.test", Nonce: keys.Nonce(seed, now)}

	// The client answers.
	field, err := Authorize(slices.Collect(challenge.Fields()), "REGISTER", "sip:example.test", "alice", "secret")
	if err != nil {
		fmt.Println(err)
		return
	}

	// The agent verifies.
	credentials, err := Parse(field)
	if err != nil {
		fmt.Println(err)
		return
	}
	result := verifier.Verify(&credentials, &Params{
		Keys: keys, Method: "REGISTER", Realm: "example.test", Now: now.Add(time.Second),
		HA1: HA1(credentials.Algorithm, "alice", "example.test", "secret"),
	})
	fmt.Println(result.Verdict)
	// Output: accepted
}
