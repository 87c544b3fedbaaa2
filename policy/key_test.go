package policy

import (
	"reflect"
	"testing"
)

func TestKey(t *testing.T) {
	for _, c := range []struct {
		name string
		p    Permissions
		key  string
	}{
		{"nothing", Permissions{}, "0-0"},
		{"everything", Everything, "3-3ffff"},
		{"polite-block", Permissions{Handling: PoliteBlock}, "2-0"},
		{"one attribute", Permissions{Handling: Allow, Activities: true}, "3-1"},
		{"user input", Permissions{Handling: Allow, UserInput: UserInputBare}, "3-10000"},
		{"silence", Permissions{Handling: Confirm, UserInput: UserInputFull, Silent: true}, "1-70000"},
		{"RFC 5025 s.6", Permissions{
			Handling: Allow,
			Services: Selection{ServiceURISchemes: []string{"mailto", "sip"}}, Persons: Selection{All: true},
			Activities: true, UserInput: UserInputBare,
			Unknown: []Attribute{{"urn:vendor-specific:foo-namespace", "foo"}},
		}, "3-14001;ss=mailto,sip;u=urn%3Avendor-specific%3Afoo-namespace+foo"},
		{"every list", Permissions{
			Devices:  Selection{Classes: []string{"a,b"}, DeviceIDs: []string{"urn:x"}, OccurrenceIDs: []string{"1"}},
			Persons:  Selection{Classes: []string{"é"}, OccurrenceIDs: []string{"2"}},
			Services: Selection{Classes: []string{"c"}, OccurrenceIDs: []string{"3"}, ServiceURIs: []string{"sip:a;b=c"}, ServiceURISchemes: []string{"im"}},
		}, "0-0;dc=a%2Cb;di=urn%3Ax;do=1;pc=%C3%A9;po=2;sc=c;so=3;su=sip%3Aa%3Bb%3Dc;ss=im"},
	} {
		if got := c.p.Key(); got != c.key {
			t.Errorf("%s: key %q, want %q", c.name, got, c.key)
		}
		if got, err := PermissionsOf(c.key); err != nil || !reflect.DeepEqual(got, c.p) {
			t.Errorf("%s: read back as %+v, %v", c.name, got, err)
		}
	}
}

func TestKeyIsCanonical(t *testing.T) {
	equal := func(name string, p, q Permissions) {
		t.Helper()
		if p.Key() != q.Key() {
			t.Errorf("%s: %s and %s", name, p.Key(), q.Key())
		}
	}
	classes := func(c ...string) Permissions { return Permissions{Devices: Selection{Classes: c}} }
	equal("order", classes("b", "a"), classes("a", "b"))
	equal("repeats", classes("a", "a", "b"), classes("a", "b"))
	equal("members beside all", Permissions{Persons: Selection{All: true, Classes: []string{"a"}}}, Permissions{Persons: Selection{All: true}})
	equal("attributes beside all", Permissions{AllAttributes: true, Unknown: []Attribute{{"n", "a"}}}, Permissions{AllAttributes: true, Mood: true})
	if classes("a").Key() == (Permissions{Services: Selection{Classes: []string{"a"}}}).Key() {
		t.Error("devices and services have one key")
	}
	list := []string{"b", "a"}
	classes(list...).Key()
	if list[0] != "b" {
		t.Error("Key sorted its caller's list")
	}
}

func TestPermissionsOfRefuses(t *testing.T) {
	for _, key := range []string{
		"",
		"3",
		"4-0",         // no such handling
		"3-80000",     // no such permission
		"03-0",        // not as Key writes it
		"3-3FFFF",     // not as Key writes it
		"3-0;",        // no list
		"3-0;dc",      // no members
		"3-0;dc=b,a",  // not sorted
		"3-0;dc=a,a",  // twice
		"3-0;xx=a",    // no such list
		"3-0;dc=%zz",  // bad escape
		"3-0;u=a",     // no namespace
		"3-1000",      // all attributes, and each not
		"3-2000;dc=a", // all devices, and some
	} {
		if p, err := PermissionsOf(key); err == nil {
			t.Errorf("%q was read as %+v", key, p)
		}
	}
}

func FuzzPermissionsOf(f *testing.F) {
	f.Add("3-14001;ss=mailto,sip;u=urn%3Avendor-specific%3Afoo-namespace+foo")
	f.Add("0-0;dc=a%2Cb;di=urn%3Ax;do=1;pc=%C3%A9;po=2;sc=c;so=3;su=sip%3Aa%3Bb%3Dc;ss=im")
	f.Fuzz(func(t *testing.T, key string) {
		if p, err := PermissionsOf(key); err == nil && p.Key() != key {
			t.Errorf("%q read back as %q", key, p.Key())
		}
	})
}
