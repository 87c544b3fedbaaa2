package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"presenced/policy"
)

const (
	visibilityPath = "/xcap-root/presenced.visibility-rules/users/sip:alice@localhost/index"
	delegationPath = "/xcap-root/presenced.delegation/users/sip:alice@localhost/index"
)

const combined = "messenger: where several rules match a watcher, what gives most counts; who matches none is blocked\n"

func TestRules(t *testing.T) {
	l := newLibrary(t)
	l.run(t, "rules", "alice@localhost").expect(t, exitDone,
		"everybody of localhost: allow, sees everything\neverybody but those of localhost: confirm\n",
		"messenger: alice@localhost has no access rules: the agent's defaults count\n"+combined)
	l.run(t, "block", "alice@localhost", "bob@localhost").wait(t)
	l.run(t, "rules", "alice@localhost").expect(t, exitDone, strings.Join([]string{
		"everybody of localhost but bob@localhost: allow, sees everything",
		"everybody but those of localhost: confirm",
		"bob@localhost: block", "",
	}, "\n"), combined)
	l.run(t, "rules", "alice@localhost", "--document").expect(t, exitDone, l.document(rulesPath), "")
	l.run(t, "rules", "alice@localhost", "--delete").expect(t, exitDone,
		"12:03:04 the access rules of alice@localhost are deleted: the agent's defaults count\n", "")
	l.run(t, "rules", "alice@localhost", "--delete").expect(t, exitDone, "12:03:04 alice@localhost has no access rules\n", "")
	l.run(t, "rules", "alice@localhost", "--document").expect(t, exitFailed, "", "messenger: alice@localhost has no access rules\n")
	l.run(t, "rules", "alice@localhost", "--document", "--delete").expect(t, exitUsage, "", "messenger: only one of .*\n")
}

const elaborate = `<?xml version="1.0"?>
<cp:ruleset xmlns:cp="urn:ietf:params:xml:ns:common-policy" xmlns="urn:ietf:params:xml:ns:pres-rules" xmlns:o="urn:oma:xml:xdm:common-policy">
 <cp:rule id="a">
  <cp:conditions>
   <cp:identity><cp:one id="sip:bob@localhost"/><cp:many domain="example.com"><cp:except id="sip:eve@example.com"/><cp:except id="tel:+1234"/></cp:many></cp:identity>
   <cp:sphere value="work"/>
   <cp:validity><cp:from>2026-01-01T00:00:00Z</cp:from><cp:until>2026-02-01T00:00:00Z</cp:until></cp:validity>
  </cp:conditions>
  <cp:actions><sub-handling>allow</sub-handling></cp:actions>
  <cp:transformations><provide-persons><all-persons/></provide-persons><provide-services><service-uri-scheme>sip</service-uri-scheme><service-uri-scheme>im</service-uri-scheme></provide-services>
   <provide-activities>true</provide-activities><provide-mood>false</provide-mood><provide-user-input>bare</provide-user-input></cp:transformations>
 </cp:rule>
 <cp:rule id="b"><cp:conditions><o:anonymous-request/></cp:conditions><cp:actions><sub-handling>polite-block</sub-handling></cp:actions></cp:rule>
 <cp:rule id="c"><cp:conditions/><cp:actions/></cp:rule>
</cp:ruleset>
`

func TestPutRules(t *testing.T) {
	l := newLibrary(t)
	good, bad := filepath.Join(t.TempDir(), "good"), filepath.Join(t.TempDir(), "bad")
	for path, text := range map[string]string{good: elaborate, bad: "<broken"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l.run(t, "rules", "alice@localhost", "--put", good).expect(t, exitDone, "12:03:04 the access rules of alice@localhost are stored\n", "")
	l.run(t, "rules", "alice@localhost", "--put", bad).expect(t, exitFailed, "", "messenger: PUT refused: 409 Conflict: line 7: unfinished tag\n")
	l.run(t, "rules", "alice@localhost", "--put", bad+"x").expect(t, exitUsage, "", "messenger: open .*\n")
	if l.document(rulesPath) != elaborate {
		t.Error("another document is stored")
	}
	l.run(t, "rules", "alice@localhost").expect(t, exitDone, strings.Join([]string{
		`bob@localhost or everybody of example.com but eve@example.com, tel:+1234, in the sphere "work", from 2026-01-01T00:00:00Z until 2026-02-01T00:00:00Z: ` +
			`allow, sees all persons, services by service-uri-scheme, activities, user-input`,
		"watchers without a name: polite-block",
		"everybody: block", "",
	}, "\n"), combined)
	// What the rules provide is not widened by a decision for somebody else, and its limits are said.
	l.run(t, "allow", "alice@localhost", "carol@localhost").expect(t, exitDone, "12:03:04 carol@localhost: allow now: it sees your presence\n", "")
	if !strings.Contains(l.document(rulesPath), `<cp:sphere value="work"/>`) {
		t.Error("the sphere is lost")
	}
}

// A delegate edits the rules of another with its own credentials.
func TestRulesFor(t *testing.T) {
	l := newLibrary(t)
	l.run(t, "allow", "alice@localhost", "carol@localhost", "--for", "bob@localhost").expect(t, exitDone, "12:03:04 carol@localhost: allow now: it sees your presence\n", "")
	if l.document(strings.Replace(rulesPath, "alice", "bob", 1)) == "" {
		t.Error("bob has no rules")
	}
}

func TestVisibility(t *testing.T) {
	l := newLibrary(t)
	of := func(presentity string) policy.Watching {
		v, err := policy.ParseVisibility([]byte(l.document(visibilityPath)))
		if err != nil {
			t.Fatal(err)
		}
		return v.Of(presentity, policy.Context{})
	}
	l.run(t, "visibility", "alice@localhost").expect(t, exitDone, "", "messenger: alice@localhost has no visibility rules: everybody sees that they are watched\n")
	for _, step := range []struct {
		args                             string
		bob, carol, dave, erin, stranger policy.Watching // bob and carol of localhost, dave and erin of example.com
	}{
		{"hidden bob@localhost", policy.Hidden, policy.Shown, policy.Shown, policy.Shown, policy.Shown},
		{"brief", policy.Hidden, policy.Brief, policy.Brief, policy.Brief, policy.Brief},
		{"hidden @Example.com", policy.Hidden, policy.Brief, policy.Hidden, policy.Hidden, policy.Brief},
		{"shown dave@example.com", policy.Hidden, policy.Brief, policy.Shown, policy.Hidden, policy.Brief},
		{"hidden", policy.Hidden, policy.Hidden, policy.Shown, policy.Hidden, policy.Hidden},
		{"shown bob@localhost", policy.Shown, policy.Hidden, policy.Shown, policy.Hidden, policy.Hidden},
	} {
		args := strings.Fields("visibility alice@localhost " + step.args)
		if m := l.run(t, args...); m.wait(t) != exitDone {
			t.Errorf("%s: %s", step.args, m.stderr.String())
		}
		for presentity, want := range map[string]policy.Watching{
			"sip:bob@localhost": step.bob, "sip:carol@localhost": step.carol,
			"sip:dave@example.com": step.dave, "sip:erin@example.com": step.erin, "sip:x@y": step.stranger,
		} {
			if got := of(presentity); got != want {
				t.Errorf("after %s: %s is %v, want %v\n%s", step.args, presentity, got, want, l.document(visibilityPath))
			}
		}
	}
	l.run(t, "visibility", "alice@localhost").expect(t, exitDone, strings.Join([]string{
		"everybody but those of example.com, bob@localhost, dave@example.com: hidden",
		"everybody of example.com but dave@example.com: hidden",
		"bob@localhost: shown", "dave@example.com: shown", "",
	}, "\n"), "")
	for args, stderr := range map[string]string{
		"visibility alice@localhost seen":               "watching is shown, brief or hidden.*",
		"visibility alice@localhost hidden @":           ".* is no domain.*",
		"visibility alice@localhost hidden @a/b":        ".* is no domain.*",
		"visibility alice@localhost hidden bob":         ".* is no address.*",
		"visibility alice@localhost hidden --delete":    "--document, --put and --delete stand alone",
		"delegate alice@localhost bob@localhost":        "what may bob@localhost do.*",
		"delegate alice@localhost bob@localhost fly":    "what is delegated is .*",
		"watchers alice@localhost --history --follow":   "--history stands alone",
		"watchers alice@localhost --history --http ftp": "--http .* is no URL.*",
	} {
		launch(t, hurried, "", strings.Fields(args)).expect(t, exitUsage, "", "messenger: "+stderr+"\n")
	}
}

func TestDelegate(t *testing.T) {
	l := newLibrary(t)
	of := func(delegate string) policy.Delegated {
		d, err := policy.ParseDelegation([]byte(l.document(delegationPath)))
		if err != nil {
			t.Fatal(err)
		}
		return d.Of(delegate, policy.Context{})
	}
	for _, step := range []struct {
		args, stdout string
		bob          policy.Delegated
	}{
		{"bob@localhost rules,publish", "bob@localhost may publish for you, edit your rules", policy.Delegated{Publish: true, Rules: true}},
		{"carol@localhost watchers", "carol@localhost may see your watchers", policy.Delegated{Publish: true, Rules: true}},
		{"bob@localhost none", "bob@localhost may do nothing in your place", policy.Delegated{}},
	} {
		l.run(t, strings.Fields("delegate alice@localhost "+step.args)...).expect(t, exitDone, "12:03:04 "+step.stdout+"\n", "")
		if got := of("sip:bob@localhost"); got != step.bob {
			t.Errorf("after %s: %+v", step.args, got)
		}
	}
	l.run(t, "delegate", "alice@localhost").expect(t, exitDone, "carol@localhost may see your watchers\n", "")
}

// What another program wrote is shown, and not edited: what is not understood
// would be lost.
func TestForeignDocuments(t *testing.T) {
	l := newLibrary(t)
	const head = `<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"><rule id="x"><conditions><sphere value="work"/></conditions><actions>`
	foreign := map[string]string{
		visibilityPath: head + `<w:watching xmlns:w="urn:presenced:visibility-rules">hidden</w:watching></actions></rule></ruleset>`,
		delegationPath: head + `<d:publish xmlns:d="urn:presenced:delegation">true</d:publish></actions></rule></ruleset>`,
	}
	for path, doc := range foreign {
		l.documents[path] = doc
	}
	l.run(t, "visibility", "alice@localhost").expect(t, exitDone, "everybody, in the sphere \"work\": hidden\n", "")
	l.run(t, "delegate", "alice@localhost").expect(t, exitDone, "everybody, in the sphere \"work\" may publish for you\n", "")
	for _, args := range []string{"visibility alice@localhost shown", "delegate alice@localhost bob@localhost rules"} {
		l.run(t, strings.Fields(args)...).expect(t, exitFailed, "", "messenger: .* are not edited: they were not written by messenger; see .*\n")
	}
	for path, doc := range foreign {
		if l.document(path) != doc {
			t.Errorf("%s has changed", path)
		}
	}
}
