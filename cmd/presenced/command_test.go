package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestCheckConfig(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text string
		status     int
		says       []string
	}{
		{"empty", "", 0, []string{": ok", "warning:"}},
		{"misspelt", "domain = [\"example.com\"]\n", 1, []string{"presenced.toml", "domain", "domains"}},
		{"wrong kind", "[listen]\nudp = 5060\n", 1, []string{"presenced.toml:2", "listen"}},
		{"an hour at least", "[expires]\nsubscribe = { min = \"1h\", max = \"2h\", default = \"1h\" }\n", 1, []string{"expires.subscribe"}},
		{"open without authentication", "[listen]\nudp = [\"0.0.0.0:5060\"]\n", 1, []string{"nobody has to authenticate"}},
	} {
		path := filepath.Join(t.TempDir(), "presenced.toml")
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		status, stdout, stderr := runBinary(t, "", "check-config", path)
		if status != test.status {
			t.Errorf("%s: exit status %d, want %d", test.name, status, test.status)
		}
		for _, text := range test.says {
			if !strings.Contains(stdout+stderr, text) {
				t.Errorf("%s: does not say %q:\n%s%s", test.name, text, stdout, stderr)
			}
		}
	}
	if status, _, stderr := runBinary(t, "", "check-config", "/nonexistent/file"); status != 1 || !strings.Contains(stderr, "/nonexistent/file") {
		t.Errorf("a file that is not there: %d %s", status, stderr)
	}
}

func TestWrongWords(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"frobnicate"}, {"check-config"}, {"check-config", "a", "b"}, {"principal"}, {"show"}, {"--nonsense"},
		{"--config", "x", "y"}, {"principal", "frobnicate"}, {"principal", "add"}, {"principal", "list", "x"},
	} {
		var stdout, stderr bytes.Buffer
		if status := run(args, strings.NewReader(""), &stdout, &stderr); status != 2 || !strings.Contains(stderr.String(), "presenced check-config FILE") {
			t.Errorf("%q: exit status %d:\n%s", args, status, stderr.String())
		}
	}
	var stdout, stderr bytes.Buffer
	if status := run([]string{"help"}, strings.NewReader(""), &stdout, &stderr); status != 0 || stdout.String() != usage {
		t.Errorf("help: %d %s", status, stdout.String())
	}
}

// Principals are kept by a running agent, or in its store while none runs;
// passwords come from stdin.
func TestPrincipalCommands(t *testing.T) {
	t.Parallel()
	p := newProcess(t, embedded+"[auth]\nmode = \"digest\"\n")
	do := func(want int, stdin string, args ...string) string {
		t.Helper()
		status, stdout, stderr := p.command(stdin, append([]string{"principal"}, args...)...)
		if status != want {
			t.Errorf("principal %q: exit status %d, want %d: %s", args, status, want, stderr)
		}
		return stdout + stderr
	}
	list := func(want ...string) {
		t.Helper()
		got := strings.Fields(do(0, "", "list"))
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("list: %v, want %v", got, want)
		}
	}
	both := func(running bool) {
		t.Helper()
		do(0, "builder\n", "add", "sip:bob@example.com")
		if said := do(0, "# people\ncarol@example.com blue \n\ndave@example.com a b\n", "import"); !strings.Contains(said, "2 principals stored") {
			t.Errorf("import: %s", said)
		}
		list("sip:bob@example.com", "sip:carol@example.com", "sip:dave@example.com")
		do(1, "x\n", "add", "bob@example.org")
		do(1, "\n", "add", "eve@example.com")
		do(1, "x\n", "add", "nonsense")
		if said := do(1, "eve@example.com x\nbroken\n", "import"); !strings.Contains(said, "line 2") {
			t.Errorf("import of a broken line: %s", said)
		}
		do(0, "", "remove", "eve@example.com")
		if said := do(1, "", "remove", "eve@example.com"); !strings.Contains(said, "sip:eve@example.com is none of the principals") {
			t.Errorf("removed twice: %s", said)
		}
		if running {
			dave := peer(t, "dave", "a b")
			dave.Do(p.addr, dave.Registration(600), 200)
			bob := peer(t, "bob", "builder")
			bob.Do(p.addr, bob.Registration(600), 200)
			do(0, "bricks\n", "add", "bob@example.com")
			bob.Do(p.addr, bob.Registration(600), 401)
			bob.Password = "bricks"
			bob.Do(p.addr, bob.Registration(600), 200)
			do(0, "", "remove", "bob@example.com")
			bob.Do(p.addr, bob.Registration(600), 401)
		} else {
			do(0, "", "remove", "bob@example.com")
		}
		list("sip:carol@example.com", "sip:dave@example.com")
	}
	both(false)
	p.start()
	list("sip:carol@example.com", "sip:dave@example.com")
	both(true)
	p.stop()
	list("sip:carol@example.com", "sip:dave@example.com")
	if said := allFiles(t, filepath.Dir(p.config)); bytes.Contains(said, []byte("bricks")) || bytes.Contains(said, []byte("builder")) {
		t.Error("a password is on disk")
	}

	memory := newProcess(t, "")
	if status, _, stderr := memory.command("x\n", "principal", "add", "bob@example.com"); status != 1 || !strings.Contains(stderr, "no agent is running") {
		t.Errorf("nothing to keep principals in: %d %s", status, stderr)
	}
}

func allFiles(t *testing.T, dir string) (all []byte) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		all = append(all, data...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestShow(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "")
	if status, _, stderr := p.command("", "show", "bob@example.com"); status != 1 || !strings.Contains(stderr, "no agent is running") {
		t.Errorf("show without an agent: %d %s", status, stderr)
	}
	p.start()
	bob, alice := peer(t, "bob", ""), peer(t, "alice", "")
	bob.Do(p.addr, bob.Registration(600), 200)
	bob.Publish(p.addr, "", "here")
	watch := alice.Subscribe(p.addr, bob.AOR, 600)
	watch.Refresh(p.addr, 600) // its first NOTIFY's answer has arrived
	status, stdout, stderr := p.command("", "show", "bob@example.com")
	if status != 0 {
		t.Fatalf("show: %d %s", status, stderr)
	}
	for _, text := range []string{"sip:bob@example.com", "publications: 1", "registrations: 1", bob.Contact, "watchers: 1",
		"sip:alice@example.com", "active", "last NOTIFY: 200", "expires in 600 s"} {
		if !strings.Contains(stdout, text) {
			t.Errorf("show does not say %q:\n%s", text, stdout)
		}
	}
	if status, stdout, _ := p.command("", "show", "nobody@example.com"); status != 0 || !strings.Contains(stdout, "publications: 0") {
		t.Errorf("show of nobody: %d %s", status, stdout)
	}
	if status, _, _ := p.command("", "show", "nonsense@@"); status != 1 {
		t.Errorf("show of nonsense: exit status %d", status)
	}
}
