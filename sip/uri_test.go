package sip

import "testing"

func TestParseURI(t *testing.T) {
	for _, c := range []struct {
		uri  string
		want URI
		aor  string
	}{
		{"sip:alice@example.com", URI{Scheme: "sip", User: "alice", Host: "example.com"}, "sip:alice@example.com"},
		{"SIPS:Alice:pw@Example.COM.:5061;transport=tls;lr?a=b&c=d", URI{Scheme: "sips", User: "Alice", Password: "pw", Host: "Example.COM.", Port: 5061, Params: ";transport=tls;lr", Headers: "a=b&c=d"}, "sip:Alice@example.com"},
		{"sip:example.com", URI{Scheme: "sip", Host: "example.com"}, ""},
		{"pres:bob@example.com", URI{Scheme: "pres", User: "bob", Host: "example.com"}, "sip:bob@example.com"},
		{"im:bob@example.com?subject=x", URI{Scheme: "im", User: "bob", Host: "example.com", Headers: "subject=x"}, "sip:bob@example.com"},
		{"tel:+1-201;phone-context=a", URI{Scheme: "tel", Opaque: "+1-201;phone-context=a"}, ""},
		{"soap.beep://192.0.2.103:3002", URI{Scheme: "soap.beep", Opaque: "//192.0.2.103:3002"}, ""},
		{"sip:user;par=u%40example.net@example.com", URI{Scheme: "sip", User: "user;par=u%40example.net", Host: "example.com"}, "sip:user;par=u%40example.net@example.com"},
		{"sip:u?x@h", URI{Scheme: "sip", User: "u?x", Host: "h"}, "sip:u?x@h"},
		{"sip:%61lice%20b@h", URI{Scheme: "sip", User: "%61lice%20b", Host: "h"}, "sip:alice%20b@h"},
		{"sip:null-%00-null@h", URI{Scheme: "sip", User: "null-%00-null", Host: "h"}, "sip:null-%00-null@h"},
		{"sip:jörg@h", URI{Scheme: "sip", User: "jörg", Host: "h"}, "sip:j%C3%B6rg@h"},
		{"sip:j%c3%b6rg@h", URI{Scheme: "sip", User: "j%c3%b6rg", Host: "h"}, "sip:j%C3%B6rg@h"},
		{"sip:a@[2001:DB8:0:0::1]:5060", URI{Scheme: "sip", User: "a", Host: "[2001:DB8:0:0::1]", Port: 5060}, "sip:a@[2001:db8::1]"},
		{"sip:a@[2001:db8:::192.0.2.1]", URI{Scheme: "sip", User: "a", Host: "[2001:db8:::192.0.2.1]"}, "sip:a@[2001:db8::c000:201]"},
		{"sip:+1-212-555:1234@gw;user=phone", URI{Scheme: "sip", User: "+1-212-555", Password: "1234", Host: "gw", Params: ";user=phone"}, "sip:+1-212-555@gw"},
	} {
		u, err := ParseURI(c.uri)
		if err != nil {
			t.Errorf("%q: %v", c.uri, err)
			continue
		}
		if *u != c.want {
			t.Errorf("%q: got %+v", c.uri, *u)
		}
		if got := u.AOR(); got != c.aor {
			t.Errorf("%q: the AOR is %q, want %q", c.uri, got, c.aor)
		}
		again, err := ParseURI(u.String())
		if err != nil || *again != *u {
			t.Errorf("%q became %q (%v)", c.uri, u.String(), err)
		}
	}
	for _, uri := range []string{
		"", "sip", "sip:", ":a@b", "1sip:a@b", "sip:@h", "sip::pw@h", "sip:a@", "sip:a@h:", "sip:a@h:x", "sip:a@h:65536", "sip:a@h:-1",
		"sip:a@[::1", "sip:a@::1", "sip:a@[h]", "sip:a@[::1]5060", "sip:a@[fe80::1%eth0]", "sip:a@[192.0.2.1]", "sip:a@h h", "sip:a b@h",
		"sip:a@h\r\nx: y", "<sip:a@h>", "sip:a%zz@h", "sip:a%4@h", "sip:a@b@c", "sip:a@h;x=%", "tel:", "sip:a@h/path", "sip:\x7f@h",
	} {
		if u, err := ParseURI(uri); err == nil {
			t.Errorf("%q was taken: %+v", uri, u)
		}
	}
}

// RFC 3261 s.19.1.4's own examples, and more.
func TestURIEqual(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;security=on", true},
		{"sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com", "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com", true},
		{"sip:alice@atlanta.com?subject=project%20x&priority=urgent", "sip:alice@atlanta.com?priority=urgent&subject=project%20x", true},
		{"SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false},
		{"sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false},
		{"sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false},
		{"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false},
		{"sip:a@h", "sips:a@h", false},
		{"sip:a@h", "sip:h", false},
		{"sip:a:p@h", "sip:a@h", false},
		{"sip:a@h;maddr=1.2.3.4", "sip:a@h", false},
		{"sip:a@h;user=phone", "sip:a@h", false},
		{"sip:a%3Bb@h", "sip:a;b@h", false}, // reserved characters differ from their escapes
		{"sip:a%3bb@h", "sip:a%3Bb@h", true},
		{"sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0::1]", true}, // RFC 5118 s.4: one address, two forms
		{"sip:a@h;x=1;x=2", "sip:a@h;x=1;x=2", true},
		{"tel:+1", "tel:+2", false},
	} {
		a, err1 := ParseURI(c.a)
		b, err2 := ParseURI(c.b)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if a.Equal(b) != c.want || b.Equal(a) != c.want {
			t.Errorf("%s and %s: equal is not %v", c.a, c.b, c.want)
		}
	}
}

func TestParseAddress(t *testing.T) {
	for _, c := range []struct{ address, display, uri, params string }{
		{"<sip:a@h;lr>;tag=1", "", "sip:a@h;lr", ";tag=1"},
		{"sip:a@h;tag=1", "", "sip:a@h", ";tag=1"},
		{`"A, \"B\" <c>" <sip:a@h>`, `A, "B" <c>`, "sip:a@h", ""},
		{`A B<sip:a@h>; q=0.3 ;x="a>,b"`, "A B", "sip:a@h", `; q=0.3 ;x="a>,b"`},
		{"  < sip:a@h >  ", "", "sip:a@h", ""},
		{`"" <tel:+1>`, "", "tel:+1", ""},
	} {
		a, err := ParseAddress(c.address)
		if err != nil {
			t.Errorf("%q: %v", c.address, err)
			continue
		}
		if a.Display != c.display || a.URI.String() != c.uri || string(a.Params) != c.params || a.Star || a.Raw != trim(c.address) {
			t.Errorf("%q: got %+v", c.address, a)
		}
	}
	for _, address := range []string{
		"", "<>", "<sip:a@h", `"A <sip:a@h>`, "A, B <sip:a@h>", "sip:a@h, sip:b@h", "sip:a@h?x=y", "<sip:a@h> x", "<sip:a@h>, <sip:b@h>",
		`<sip:a@h>;x="y`, `"A" sip:a@h`, "A sip:a@h", `"A" B <sip:a@h>`, "**",
	} {
		if a, err := ParseAddress(address); err == nil {
			t.Errorf("%q was taken: %+v", address, a)
		}
	}
	if a, err := ParseAddress(" * "); err != nil || !a.Star {
		t.Errorf("the star: %+v %v", a, err)
	}
}

func TestParams(t *testing.T) {
	p := Params(`;a=1; B = "x;y\"z" ;c;a=2;;d==`)
	for name, want := range map[string]string{"A": "1", "b": `x;y"z`, "c": "", "d": "="} {
		if got, ok := p.Get(name); !ok || got != want {
			t.Errorf("%s is %q %v, want %q", name, got, ok, want)
		}
	}
	if p.Has("x") {
		t.Error("a parameter out of nowhere")
	}
	n := 0
	for range p.All {
		n++
	}
	if n != 5 {
		t.Errorf("%d parameters, want 5", n)
	}
}
