package config

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestListenersTakeStringsAndTables(t *testing.T) {
	c, _, err := Parse("", []byte(`
auth.mode = "digest"
listen.udp = ["127.0.0.1:5060", { address = "0.0.0.0:5070", advertise = "SIP.example.com:5060" }, { address = ":5080", advertise = "2001:DB8::1" }]
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []Listener{
		{Address: netip.MustParseAddrPort("127.0.0.1:5060")},
		{Address: netip.MustParseAddrPort("0.0.0.0:5070"), Advertise: "sip.example.com:5060"},
		{Address: netip.AddrPortFrom(netip.Addr{}, 5080), Advertise: "[2001:db8::1]"},
	}
	if !slices.Equal(c.Listen.UDP, want) {
		t.Errorf("udp: %+v", c.Listen.UDP)
	}
	if !slices.Equal(c.Listen.TCP, want) {
		t.Errorf("tcp does not follow udp: %+v", c.Listen.TCP)
	}
	for i, want := range []string{"127.0.0.1:5060", "0.0.0.0:5070", ":5080"} {
		if got := c.Listen.UDP[i].ListenAddress(); got != want {
			t.Errorf("ListenAddress: %s, want %s", got, want)
		}
	}
}

func TestListenerReach(t *testing.T) {
	for address, want := range map[string][2]bool{ // loopback, wildcard
		"127.0.0.1:5060":          {true, false},
		"127.1.2.3:5060":          {true, false},
		"[::1]:5060":              {true, false},
		"[::ffff:127.0.0.1]:5060": {true, false},
		"0.0.0.0:5060":            {false, true},
		"[::]:5060":               {false, true},
		":5060":                   {false, true},
		"192.0.2.1:5060":          {false, false},
		"[fe80::1%eth0]:5060":     {false, false},
	} {
		ap, err := parseListenAddress(address)
		l := Listener{Address: ap}
		if got := [2]bool{l.Loopback(), l.Wildcard()}; err != nil || got != want {
			t.Errorf("%s: %v, want %v; %v", address, got, want, err)
		}
	}
}

func TestAdvertise(t *testing.T) {
	for in, want := range map[string]string{
		"sip.example.com":       "sip.example.com",
		"SIP.Example.com.:5070": "sip.example.com:5070",
		"192.0.2.1":             "192.0.2.1",
		"192.0.2.1:5060":        "192.0.2.1:5060",
		"2001:DB8::1":           "[2001:db8::1]",
		"[2001:db8::1]":         "[2001:db8::1]",
		"[2001:DB8::1]:5060":    "[2001:db8::1]:5060",
		"":                      "",
		"a b":                   "",
		"host:":                 "",
		"host:x":                "",
		"host:70000":            "",
		"[::1":                  "",
		"[::]:5060":             "",
		"::1:5060:x":            "",
	} {
		got, err := parseAdvertise(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}

func TestLocal(t *testing.T) {
	c := Default()
	c.Domains = append(c.Domains, "example.com")
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST": true, "localhost.": true, "127.0.0.1": true, "example.COM": true,
		"[::1]": true, "::1": true, "[0:0::1]": true,
		"": false, ".": false, "127.0.0.2": false, "sub.example.com": false, "example.org": false, "[::2]": false, "[::1": false, "localhost:5060": false,
	} {
		if got := c.Local(host); got != want {
			t.Errorf("Local(%q) is %v", host, got)
		}
	}
}

func TestTrusted(t *testing.T) {
	c, _, err := Parse("", []byte(`
tls = { cert = "c", key = "k", client_ca = "a" }
listen.tls = ["127.0.0.1:5061"]
auth.trusted = ["192.0.2.1", "10.0.0.0/8", "2001:db8::/32", "Proxy.example.com"]
`))
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]bool{
		"192.0.2.1": true, "::ffff:192.0.2.1": true, "10.9.8.7": true, "2001:db8::5": true,
		"192.0.2.2": false, "11.0.0.1": false, "2001:db9::1": false, "::1": false,
	} {
		if got := c.Auth.Trusted.Address(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %v", addr, got)
		}
	}
	if !c.Auth.Trusted.Name("PROXY.example.com") || c.Auth.Trusted.Name("example.com") {
		t.Error("TLS names")
	}
}

func TestPrincipalsAreCanonical(t *testing.T) {
	c, _, err := Parse("", []byte(`
auth = { mode = "digest", algorithms = ["MD5"] }
[[principal]]
uri = "SIP:%61lice%2b1@LOCALHOST"
password = "a"
[[principal]]
uri = "sip:Bob@[0:0::1]"
ha1 = { MD5 = "ABCDEF00000000000000000000000000" }
`))
	if err != nil {
		t.Fatal(err)
	}
	alice, bob := c.Principals[0], c.Principals[1]
	if alice.URI != "sip:alice+1@localhost" || alice.User != "alice+1" || alice.Domain != "localhost" || alice.Password.Reveal() != "a" {
		t.Errorf("%+v", alice)
	}
	if bob.URI != "sip:Bob@[::1]" || bob.HA1[MD5].Reveal() != "abcdef00000000000000000000000000" {
		t.Errorf("%+v", bob)
	}
}

func TestControlSocketFollowsTheConfiguration(t *testing.T) {
	c := Default()
	first := c.ControlSocket()
	if !filepath.IsAbs(first) || filepath.Base(first) != "control-5060.sock" {
		t.Errorf("default: %s", first)
	}
	c.Listen.UDP = loopbacks(5070)
	if c.ControlSocket() == first {
		t.Error("two nodes on one machine share a socket")
	}
	c.Store.Path = "state"
	if got := c.ControlSocket(); got != filepath.Join("state", "control.sock") {
		t.Errorf("with a path: %s", got)
	}
	c.Control.Socket = "/x"
	if got := c.ControlSocket(); got != "/x" {
		t.Errorf("configured: %s", got)
	}
}

func TestLoadLooksAtFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if _, _, err := Load(filepath.Join(dir, "absent.toml")); err == nil {
		t.Error("an absent file is accepted")
	}
	tls := write("tls.toml", "[tls]\ncert = \"/nonexistent/cert\"\nkey = \"/nonexistent/key\"\n", 0o600)
	if _, _, err := Load(tls); err == nil || !strings.Contains(err.Error(), tls+":2: [tls] cert: open /nonexistent/cert") {
		t.Errorf("a missing certificate: %v", err)
	}
	text := "auth.mode = \"digest\"\n[[principal]]\nuri = \"sip:a@localhost\"\npassword = \"x\"\n"
	const leak = "can be read by everybody"
	if _, warnings, err := Load(write("open.toml", text, 0o644)); err != nil || !containsWarning(warnings, leak) {
		t.Errorf("readable passwords: %v, %v", warnings, err)
	}
	if _, warnings, err := Load(write("closed.toml", text, 0o640)); err != nil || containsWarning(warnings, leak) {
		t.Errorf("unreadable passwords: %v, %v", warnings, err)
	}
}
