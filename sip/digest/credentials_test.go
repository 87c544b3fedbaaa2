package digest

import (
	"errors"
	"strings"
	"testing"
)

const fiveParams = `username="alice", realm="example.test", nonce="n", uri="sip:example.test", response="r"`

func alice() Credentials {
	return Credentials{Username: "alice", Realm: "example.test", Nonce: "n", URI: "sip:example.test", Response: "r", Algorithm: MD5}
}

func TestParse(t *testing.T) {
	with := func(change func(*Credentials)) Credentials {
		c := alice()
		change(&c)
		return c
	}
	withQop := with(func(c *Credentials) { c.Qop, c.CNonce, c.NonceCount = "auth", "c", "00000001" })
	for _, test := range []struct {
		name, field string
		want        Credentials
	}{
		{"baresip: algorithm absent", `Digest ` + fiveParams + `, cnonce="c", qop=auth, nc=00000001`, withQop},
		{"linphone: white space before the scheme and twice between", `  Digest realm="example.test", nonce="n", username="alice",  uri="sip:example.test", response="r", cnonce="c", nc=00000001, qop=auth`, withQop},
		{"libpurple: nc quoted, no qop, no cnonce", `Digest ` + fiveParams + `, nc="00000001"`, with(func(c *Credentials) { c.NonceCount = "00000001" })},
		{"qop and algorithm quoted", `Digest ` + fiveParams + `, qop="auth", algorithm="md5", cnonce="c", nc=00000001`, withQop},
		{"unquoted", `Digest username=alice,realm=example.test,nonce=n,uri=sip:example.test,response=r`, alice()},
		{"URI with = and ; unquoted", `Digest username=alice,realm=example.test,nonce=n,uri=sip:a;b=c,response=r`, with(func(c *Credentials) { c.URI = "sip:a;b=c" })},
		{"space around =, empty elements, folding", "digest\tusername = \"alice\",, realm =\"example.test\"\r\n , nonce= \"n\", uri=\"sip:example.test\", response=\"r\",", alice()},
		{"names in other case", `DIGEST USERNAME="alice", Realm="example.test", Nonce="n", URI="sip:example.test", Response="r"`, alice()},
		{"unknown parameters, opaque", `Digest ` + fiveParams + `, opaque="", foo=bar, baz="a,b=c"`, alice()},
		{"quoting slashes", `Digest username="a\"l\\i\ce, x=y", realm="example.test", nonce="n", uri="sip:example.test", response="r"`, with(func(c *Credentials) { c.Username = `a"l\ice, x=y` })},
		{"SHA-256", `Digest ` + fiveParams + `, algorithm=sha-256`, with(func(c *Credentials) { c.Algorithm = SHA256 })},
		{"an algorithm that is not known", `Digest ` + fiveParams + `, algorithm=MD5-sess`, with(func(c *Credentials) { c.Algorithm = "MD5-sess" })},
		{"userhash", `Digest ` + fiveParams + `, userhash=true`, with(func(c *Credentials) { c.hashedName = true })},
		{"userhash false", `Digest ` + fiveParams + `, userhash=false`, alice()},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Parse(test.field)
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, test := range []struct {
		field  string
		want   error
		reason string
	}{
		{``, ErrScheme, "empty"},
		{`Digest`, ErrScheme, "nothing but the scheme"},
		{`Basic YWxpY2U6c2VjcmV0`, ErrScheme, "RFC 8760 s.2.6"},
		{`NoOneKnowsThisScheme opaque-data=here`, ErrScheme, "RFC 4475 s.3.3.7"},
		{`Digest username="alice"`, ErrSyntax, "the others missing"},
		{`Digest realm="r", nonce="n", uri="u", response="r"`, ErrSyntax, "no username"},
		{`Digest ` + fiveParams + `, nonce="m"`, ErrSyntax, "nonce twice"},
		{`Digest ` + fiveParams + `, NONCE="n"`, ErrSyntax, "nonce twice, other case"},
		{`Digest ` + fiveParams + `, qop="", qop=auth`, ErrSyntax, "qop twice, once empty"},
		{`Digest ` + fiveParams + `, username*=UTF-8''alice`, ErrSyntax, "RFC 7616 s.3.4: both names"},
		{`Digest ` + fiveParams + `, cnonce="open`, ErrSyntax, "open quoted-string"},
		{`Digest ` + fiveParams + `, cnonce="open\`, ErrSyntax, "open quoted-pair"},
		{`Digest ` + fiveParams + `, cnonce`, ErrSyntax, "no value"},
		{`Digest ` + fiveParams + `, ="x"`, ErrSyntax, "no name"},
		{`Digest ` + fiveParams + ` qop=auth`, ErrSyntax, "no comma"},
		{`Digest ` + fiveParams + `, foo, bar=baz`, ErrSyntax, "a token alone"},
		{"Digest " + fiveParams + ", cnonce=\"a\r\nb\"", ErrSyntax, "line end in a value"},
		{"Digest " + fiveParams + ", cnonce=\"a\x00b\"", ErrSyntax, "NUL in a value"},
		{"Digest " + fiveParams + ", cnonce=\"a\x7fb\"", ErrSyntax, "DEL in a value"},
		{`Digest ` + fiveParams + strings.Repeat(`, a=b`, maxParams), ErrSyntax, "too many"},
		{`Digest ` + fiveParams + `, cnonce="` + strings.Repeat("c", MaxField) + `"`, ErrSyntax, "too long"},
	} {
		t.Run(test.reason, func(t *testing.T) {
			if _, err := Parse(test.field); !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`Digest ` + fiveParams)
	f.Add(`Digest ` + fiveParams + `, cnonce="c", qop=auth, nc="00000001", algorithm=SHA-256, opaque=""`)
	f.Add(`  Digest username="a\"b", realm=, nonce="n" , ,uri=u,response=""`)
	f.Add(`Basic YWxpY2U6c2VjcmV0`)
	f.Fuzz(func(t *testing.T, field string) {
		c, err := Parse(field)
		if err != nil {
			if c != (Credentials{}) || !errors.Is(err, ErrSyntax) && !errors.Is(err, ErrScheme) {
				t.Errorf("%+v beside %v", c, err)
			}
			return
		}
		token := func(s string) bool { return s != "" && !strings.ContainsAny(s, " \t\",") }
		if c.hashedName || !c.Algorithm.Supported() || !token(c.Qop) || !token(c.NonceCount) {
			return // not what String is for
		}
		again, err := Parse(c.String())
		if len(c.String()) > MaxField {
			return
		}
		if err != nil || again != c {
			t.Errorf("%+v became %+v (%v)", c, again, err)
		}
	})
}
