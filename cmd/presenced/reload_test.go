package main

import (
	"strings"
	"syscall"
	"testing"
)

// SIGHUP reloads principals, the defaults of the rules and the log level, and
// drops no dialog.
func TestHangup(t *testing.T) {
	t.Parallel()
	const before = `[auth]
mode = "digest"
[access]
default = "confirm"
[[principal]]
uri = "sip:bob@example.com"
password = "old"
[[principal]]
uri = "sip:alice@example.com"
password = "looking-glass"
[[principal]]
uri = "sip:mallory@example.com"
password = "malice"
`
	p := newProcess(t, before)
	p.start()
	bob, alice, mallory := peer(t, "bob", "old"), peer(t, "alice", "looking-glass"), peer(t, "mallory", "malice")
	bob.Publish(p.addr, "", "secret")
	watch := alice.Subscribe(p.addr, bob.AOR, 600)
	if n := watch.Last(); !strings.HasPrefix(n.State, "pending") || strings.Contains(n.Body, "secret") {
		t.Errorf("a watcher that waits for confirmation is told %s\n%s", n.State, n.Body)
	}
	mallory.Do(p.addr, mallory.Registration(600), 200)

	after := strings.NewReplacer(`"confirm"`, `"allow"`, `"old"`, `"new"`).Replace(before[:strings.LastIndex(before, "[[")]) +
		"[log]\nlevel = \"debug\"\n"
	p.write(after)
	p.signal(syscall.SIGHUP)
	p.count("presenced: reloaded\n", 1)
	if n := watch.Next(); !strings.HasPrefix(n.State, "active") || !strings.Contains(n.Body, "secret") {
		t.Errorf("pending became %s\n%s", n.State, n.Body)
	}
	bob.Do(p.addr, bob.Registration(600), 401)
	bob.Password = "new"
	bob.Do(p.addr, bob.Registration(600), 200)
	mallory.Do(p.addr, mallory.Registration(600), 401)
	p.count("level=DEBUG", 1)
	for _, secret := range []string{"looking-glass", "malice"} {
		if strings.Contains(p.log.text(), secret) {
			t.Error("a password is in the log")
		}
	}

	// What is wrong changes nothing; what needs a restart is named.
	p.write("[auth]\nmode = \"digset\"\n")
	p.signal(syscall.SIGHUP)
	p.count("not reloaded, the old configuration stays", 1)
	bob.Do(p.addr, bob.Registration(600), 200)
	p.write(after + "[limits]\nbody_size = 1000\n")
	p.signal(syscall.SIGHUP)
	p.count("what needs a restart: [limits]", 1)

	p.write(strings.Replace(after, `"allow"`, `"block"`, 1))
	p.signal(syscall.SIGHUP)
	p.count("presenced: reloaded\n", 2) // the limits are those that it runs with
	if n := watch.Next(); !strings.HasPrefix(n.State, "terminated;reason=rejected") || n.Body != "" {
		t.Errorf("a watcher that is blocked now is told %s\n%s", n.State, n.Body)
	}
}
