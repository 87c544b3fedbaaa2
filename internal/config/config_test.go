package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// expectations returns what the comments "# mark: ..." of a file say.
func expectations(data []byte, mark string) []string {
	var out []string
	for line := range strings.Lines(string(data)) {
		if want, ok := strings.CutPrefix(strings.TrimSpace(line), "# "+mark+": "); ok {
			out = append(out, want)
		}
	}
	return out
}

// each calls f with each file of testdata that matches a pattern.
func each(t *testing.T, pattern string, f func(t *testing.T, name string, data []byte)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no %s in testdata: %v", pattern, err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			f(t, name, data)
		})
	}
}

func TestGoodFilesParseWithTheWarningsTheyName(t *testing.T) {
	each(t, "good_*.toml", func(t *testing.T, name string, data []byte) {
		c, warnings, err := Parse(name, data)
		if err != nil || c == nil {
			t.Fatalf("Parse: %v", err)
		}
		want := expectations(data, "warn")
		if len(warnings) != len(want) {
			t.Errorf("%d warnings, want %d: %v", len(warnings), len(want), warnings)
		}
		for _, w := range want {
			if !containsWarning(warnings, w) {
				t.Errorf("no warning %q in %v", w, warnings)
			}
		}
	})
}

func containsWarning(warnings []Warning, text string) bool {
	for _, w := range warnings {
		if strings.Contains(w.String(), text) {
			return true
		}
	}
	return false
}

func TestBadFilesAreRefusedForTheReasonTheyName(t *testing.T) {
	each(t, "bad_*.toml", func(t *testing.T, name string, data []byte) {
		c, _, err := Parse(name, data)
		if err == nil || c != nil {
			t.Fatal("Parse accepts it")
		}
		want := expectations(data, "want")
		got := strings.Split(err.Error(), "\n")
		if len(got) != len(want) || len(want) == 0 {
			t.Fatalf("got %d faults, want %d:\n%v", len(got), len(want), err)
		}
		for i, w := range want {
			if !strings.Contains(got[i], name+w) {
				t.Errorf("got  %s\nwant %s%s", got[i], name, w)
			}
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows a password: %v", err)
		}
	})
}

func TestNoFileIsTheDefault(t *testing.T) {
	c, warnings, err := Load("")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c, Default()) {
		t.Errorf("got %+v, want %+v", c, Default())
	}
	if len(warnings) != 2 || warnings[0].File != "" {
		t.Errorf("warnings: %v", warnings)
	}
}

// keys returns every key that is read.
func keys(t *testing.T) []string {
	t.Helper()
	r, _, err := parse("", nil)
	if err != nil {
		t.Fatal(err)
	}
	return r.paths()
}

func TestTheFullExampleHasEveryKey(t *testing.T) {
	data, err := os.ReadFile("testdata/good_full.toml")
	if err != nil {
		t.Fatal(err)
	}
	x, err := locateKeys(data)
	if err != nil {
		t.Fatal(err)
	}
	set := map[string]bool{}
	for _, path := range x.order {
		set[path] = true
		set[arrayIndex.ReplaceAllString(path, "")] = true
	}
	for _, key := range keys(t) {
		if !set[key] && !strings.Contains(string(data), "\n# "+key[strings.LastIndexByte(key, '.')+1:]+" = ") {
			t.Errorf("%s is missing", key)
		}
	}
}

// TestEveryKeyChangesTheConfiguration guards against a key that is known and then forgotten.
func TestEveryKeyChangesTheConfiguration(t *testing.T) {
	set := map[string]string{
		"domains":                            `domains = ["example.com"]`,
		"services":                           `services = ["presence"]`,
		"listen.udp":                         `listen.udp = ["127.0.0.1:5070"]`,
		"listen.udp.address":                 `listen.udp = [{ address = "127.0.0.1:5070" }]`,
		"listen.udp.advertise":               `listen.udp = [{ address = "127.0.0.1:5060", advertise = "a" }, "[::1]:5060"]`,
		"listen.tcp":                         `listen.tcp = ["127.0.0.1:5070"]`,
		"listen.tcp.address":                 `listen.tcp = [{ address = "127.0.0.1:5070" }]`,
		"listen.tcp.advertise":               `listen.tcp = [{ address = "127.0.0.1:5060", advertise = "a" }, "[::1]:5060"]`,
		"listen.tls":                         "listen.tls = [\"127.0.0.1:5071\"]\ntls = { cert = \"c\", key = \"k\" }",
		"listen.tls.address":                 "listen.tls = [{ address = \"127.0.0.1:5071\" }]\ntls = { cert = \"c\", key = \"k\" }",
		"listen.tls.advertise":               "listen.tls = [{ address = \"127.0.0.1:5071\", advertise = \"a\" }]\ntls = { cert = \"c\", key = \"k\" }",
		"listen.http":                        `listen.http = []`,
		"listen.xcap":                        `listen.xcap = []`,
		"listen.xcaps":                       "listen.xcaps = [\"127.0.0.1:8443\"]\ntls = { cert = \"c\", key = \"k\" }",
		"tls.cert":                           "tls.cert = \"c\"\ntls.key = \"k\"",
		"tls.key":                            "tls.cert = \"c\"\ntls.key = \"k\"",
		"tls.client_ca":                      `tls.client_ca = "ca"`,
		"auth.mode":                          `auth.mode = "digest"`,
		"auth.open_to_everyone":              `auth.open_to_everyone = true`,
		"auth.xcap_in_clear":                 `auth.xcap_in_clear = true`,
		"auth.trusted":                       `auth.trusted = ["10.0.0.0/8"]`,
		"auth.algorithms":                    `auth.algorithms = ["SHA-512-256"]`,
		"principal.uri":                      "[[principal]]\nuri = \"sip:a@localhost\"\npassword = \"x\"",
		"principal.password":                 "[[principal]]\nuri = \"sip:a@localhost\"\npassword = \"x\"",
		"principal.ha1":                      "[[principal]]\nuri = \"sip:a@localhost\"\nha1.MD5 = \"" + strings.Repeat("0", 32) + `"`,
		"principal.ha1.MD5":                  "[[principal]]\nuri = \"sip:a@localhost\"\nha1.MD5 = \"" + strings.Repeat("0", 32) + `"`,
		"principal.ha1.SHA-256":              "auth.algorithms = [\"SHA-256\"]\n[[principal]]\nuri = \"sip:a@localhost\"\nha1.SHA-256 = \"" + strings.Repeat("0", 64) + `"`,
		"principal.ha1.SHA-512-256":          "auth.algorithms = [\"SHA-512-256\"]\n[[principal]]\nuri = \"sip:a@localhost\"\nha1.SHA-512-256 = \"" + strings.Repeat("0", 64) + `"`,
		"access.default":                     `access.default = "block"`,
		"access.default_foreign":             `access.default_foreign = "polite-block"`,
		"access.anonymous":                   `access.anonymous = true`,
		"access.operators":                   `access.operators = ["sip:root@localhost"]`,
		"access.hiding":                      `access.hiding = false`,
		"store.engine":                       "store.engine = \"redis\"\nstore.redis = \"redis://localhost\"",
		"store.path":                         `store.path = "state"`,
		"store.redis":                        "store.engine = \"redis\"\nstore.redis = \"redis://localhost\"",
		"store.accept_losing_durable_state":  "store.engine = \"redis\"\nstore.redis = \"redis://localhost\"\nstore.accept_losing_durable_state = true",
		"presence.registration":              `presence.registration = false`,
		"notify.min_interval":                `notify.min_interval = "0s"`,
		"notify.burst":                       `notify.burst = 3`,
		"watchers.min_interval":              `watchers.min_interval = "0s"`,
		"watchers.give_up":                   `watchers.give_up = "0s"`,
		"watchers.undecided":                 `watchers.undecided = 1`,
		"watchers.past":                      `watchers.past = "0s"`,
		"watchers.visitors":                  `watchers.visitors = 1`,
		"expires.register.min":               `expires.register.min = 30`,
		"expires.register.max":               `expires.register.max = 7200`,
		"expires.register.default":           `expires.register.default = 1800`,
		"expires.publish.min":                `expires.publish.min = 30`,
		"expires.publish.max":                `expires.publish.max = 7200`,
		"expires.publish.default":            `expires.publish.default = 1800`,
		"expires.subscribe.min":              `expires.subscribe.min = 30`,
		"expires.subscribe.max":              `expires.subscribe.max = 7200`,
		"expires.subscribe.default":          `expires.subscribe.default = 1800`,
		"limits.message_size":                `limits.message_size = 100000`,
		"limits.body_size":                   `limits.body_size = 1000`,
		"limits.subscriptions_per_watcher":   `limits.subscriptions_per_watcher = 1`,
		"limits.publications_per_presentity": `limits.publications_per_presentity = 1`,
		"limits.bindings_per_inbox":          `limits.bindings_per_inbox = 1`,
		"limits.connections":                 `limits.connections = 1`,
		"limits.connections_per_address":     `limits.connections_per_address = 0`,
		"limits.requests_per_source":         `limits.requests_per_source = 1`,
		"limits.requests_per_principal":      `limits.requests_per_principal = 1`,
		"limits.idle_timeout":                `limits.idle_timeout = "1m"`,
		"limits.read_timeout":                `limits.read_timeout = "1m"`,
		"limits.write_timeout":               `limits.write_timeout = "1m"`,
		"log.level":                          `log.level = "debug"`,
		"log.format":                         `log.format = "json"`,
		"control.socket":                     `control.socket = "s"`,
		"cluster.agent":                      `cluster.agent = "a"`,
		"cluster.grace":                      `cluster.grace = "1m"`,
	}
	changes := map[string]string{}
	for _, key := range keys(t) {
		c, _, err := Parse(key, []byte(set[key]))
		if err != nil {
			t.Errorf("%s: %v", key, err)
			continue
		}
		if reflect.DeepEqual(c, Default()) {
			t.Errorf("%s: %q changes nothing", key, set[key])
		}
		changes[key] = set[key]
	}
	if len(changes) != len(set) {
		t.Errorf("%d keys are set here, %d are read", len(set), len(changes))
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.toml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, _, err := Parse("fuzz", data)
		if (c == nil) == (err == nil) {
			t.Fatalf("a configuration and an error, or neither: %v, %v", c, err)
		}
		if c == nil {
			return
		}
		if c.Auth.Mode == AuthNone && !c.Auth.OpenToEveryone {
			for _, l := range c.listeners() {
				if !l.Loopback() {
					t.Errorf("listens on %s without authentication", l.ListenAddress())
				}
			}
		}
		for _, d := range c.Domains {
			if !c.Local(d) {
				t.Errorf("%q is a domain, but not local", d)
			}
		}
	})
}
