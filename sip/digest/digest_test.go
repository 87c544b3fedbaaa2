package digest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestResponseVectors(t *testing.T) {
	const sha256Response = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
	rfc7616 := func(alg Algorithm) Credentials {
		return Credentials{Username: "Mufasa", Realm: "http-auth@example.org", URI: "/dir/index.html", Algorithm: alg,
			Nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", NonceCount: "00000001", Qop: "auth",
			CNonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"}
	}
	mufasa := Credentials{Username: "Mufasa", Realm: "testrealm@host.com", URI: "/dir/index.html", Algorithm: MD5,
		Nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093"}
	mufasaQop := mufasa
	mufasaQop.Qop, mufasaQop.NonceCount, mufasaQop.CNonce = "auth", "00000001", "0a4f113b"
	jason := Credentials{Username: "Jäsøn Doe", Realm: "api@example.org", URI: "/doe.json", Algorithm: SHA512256,
		Nonce: "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", NonceCount: "00000001", Qop: "auth",
		CNonce: "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v"}

	for _, test := range []struct {
		name     string
		c        Credentials
		password string
		want     string
	}{
		{"RFC 2617 s.3.5", mufasaQop, "Circle Of Life", "6629fae49393a05397450978507c4ef1"},
		{"RFC 2617 s.3.2.2.1 without qop, from another implementation", mufasa, "CircleOfLife", "1949323746fe6a43ef61f9606e7febea"},
		{"RFC 7616 s.3.9.1 MD5", rfc7616(MD5), "Circle of Life", "8ca523f5e9506fed4657c9700eebdbec"},
		{"RFC 7616 s.3.9.1 SHA-256", rfc7616(SHA256), "Circle of Life", sha256Response},
		{"RFC 7616 s.3.9.2 with FIPS 180-4's SHA-512/256, from OpenSSL", jason, "Secret, or not?",
			"3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := test.c
			ha1 := HA1(c.Algorithm, c.Username, c.Realm, test.password)
			c.Sign("GET", ha1)
			if c.Response != test.want {
				t.Errorf("response %s, want %s", c.Response, test.want)
			}
			if !c.matches("GET", ha1) {
				t.Error("the response does not match itself")
			}
			c.Response = strings.ToUpper(c.Response)
			if !c.matches("GET", ha1) {
				t.Error("the response in upper case does not match")
			}
		})
	}
}

// RFC 8760 s.2.6, item 7, gives H("") of SHA-256.
func TestEmptyHash(t *testing.T) {
	const want = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	if got := string(SHA256.appendHex(nil, nil)); got != want {
		t.Errorf("SHA-256 of nothing is %s", got)
	}
}

func TestHA1OfUnknownAlgorithm(t *testing.T) {
	if got := HA1("MD5-sess", "alice", "example.test", "secret"); got != "" {
		t.Errorf("HA1 is %q, want none", got)
	}
}

// Every credentials field that real clients sent in the captures must verify.
func TestCapturedCredentials(t *testing.T) {
	data := os.Getenv("PRESENCED_RFC_DATA")
	if data == "" {
		t.Skip("PRESENCED_RFC_DATA is not set")
	}
	files, err := filepath.Glob(filepath.Join(data, "captures", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures in %s: %v", data, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			method, checked := "", 0
			for line := range strings.Lines(string(text)) {
				line = strings.TrimRight(line, "\r\n")
				if strings.HasSuffix(line, " SIP/2.0") {
					method, _, _ = strings.Cut(line, " ")
				}
				name, value, _ := strings.Cut(line, ":")
				if name != "Authorization" && name != "Proxy-Authorization" {
					continue
				}
				c, err := Parse(value)
				if err != nil {
					t.Errorf("%v: %s", err, line)
					continue
				}
				if !c.matches(method, HA1(c.Algorithm, c.Username, c.Realm, "secret")) {
					t.Errorf("%s does not verify: %s", method, line)
				}
				checked++
			}
			if checked == 0 {
				t.Error("no credentials in this capture")
			}
		})
	}
}
