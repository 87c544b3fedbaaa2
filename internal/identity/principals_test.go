package identity

import (
	"context"
	"errors"
	"testing"

	"presenced/internal/store"
	"presenced/sip/digest"
)

// directory is a store of principals that counts how often it is asked.
type directory struct {
	known map[string]store.Principal
	asked int
	err   error
}

func (d *directory) Principal(_ context.Context, aor string) (store.Principal, error) {
	d.asked++
	if d.err != nil {
		return store.Principal{}, d.err
	}
	if p, ok := d.known[aor]; ok {
		return p, nil
	}
	return store.Principal{}, store.ErrNotFound
}

func TestLayered(t *testing.T) {
	const alice, bob = "sip:alice@example.test", "sip:bob@example.test"
	hashed := func(aor, hash string) store.Principal {
		return store.Principal{AOR: aor, HA1: map[string]string{"MD5": hash}}
	}
	c := &clock{now: epoch}
	d := &directory{known: map[string]store.Principal{alice: hashed(alice, "stored")}}
	l := NewLayered(d, c.Now)
	expect := func(what, aor, hash string, wantErr error, asked int) {
		t.Helper()
		p, err := l.Principal(context.Background(), aor)
		if !errors.Is(err, wantErr) || p.HA1["MD5"] != hash || d.asked != asked {
			t.Errorf("%s: %q, %v after %d questions; want %q, %v after %d", what, p.HA1["MD5"], err, d.asked, hash, wantErr, asked)
		}
	}
	expect("found", alice, "stored", nil, 1)
	expect("remembered", alice, "stored", nil, 1)
	expect("not found", bob, "", store.ErrNotFound, 2)
	expect("remembered too", bob, "", store.ErrNotFound, 2)

	d.known[bob] = hashed(bob, "new")
	expect("added, not seen yet", bob, "", store.ErrNotFound, 2)
	l.Forget(bob)
	expect("forgotten", bob, "new", nil, 3)

	delete(d.known, alice)
	c.now = c.now.Add(principalFresh)
	expect("deleted, seen after a while", alice, "", store.ErrNotFound, 4)

	d.err = store.ErrUnavailable
	c.now = c.now.Add(principalFresh)
	expect("away, but known", bob, "new", nil, 5)
	expect("away, not asked again at once", bob, "new", nil, 5)
	expect("away, was unknown", alice, "", store.ErrUnavailable, 6)

	l.Configure([]store.Principal{hashed(alice, "configured")})
	expect("configured", alice, "configured", nil, 6)
	l.Configure(nil)
	expect("no longer configured", alice, "", store.ErrUnavailable, 7)

	if _, err := NewLayered(nil, nil).Principal(context.Background(), alice); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("without a store: %v", err)
	}
}

func TestStoredHash(t *testing.T) {
	full := NewPrincipal("sip:alice@example.test", "alice", "example.test", "secret")
	imported := store.Principal{HA1: map[string]string{"MD5": "imported"}}
	for _, test := range []struct {
		p    *store.Principal
		alg  digest.Algorithm
		form usernameForm
		want string
	}{
		{&full, digest.MD5, userAlone, digest.HA1(digest.MD5, "alice", "example.test", "secret")},
		{&full, digest.SHA256, userAtDomain, digest.HA1(digest.SHA256, "alice@example.test", "example.test", "secret")},
		{&full, digest.SHA512256, userURI, digest.HA1(digest.SHA512256, "sip:alice@example.test", "example.test", "secret")},
		{&full, "MD4", userAlone, ""},
		{&imported, digest.MD5, userAlone, "imported"},
		{&imported, digest.MD5, userAtDomain, "imported"},
		{&imported, digest.SHA256, userAtDomain, ""},
		{&store.Principal{}, digest.MD5, userAlone, ""},
	} {
		if got := storedHash(test.p, test.alg, test.form); got != test.want {
			t.Errorf("%s%s: %q, want %q", test.alg, test.form, got, test.want)
		}
	}
}

func TestRecentIsBounded(t *testing.T) {
	const entries = 320
	r := newRecent[int, int](entries)
	for i := range 100 * entries {
		r.update(i, func(int) int { return i + 1 })
		r.update(-1, func(n int) int { return n + 1 }) // used all the time
	}
	held := 0
	for i := range r.shards {
		held += len(r.shards[i].younger) + len(r.shards[i].elder)
	}
	if held > entries {
		t.Errorf("%d entries, want at most %d", held, entries)
	}
	if n := r.get(-1); n != 100*entries {
		t.Errorf("what is used all the time was dropped: %d", n)
	}
	if r.get(0) != 0 {
		t.Error("what was used once, long ago, is still there")
	}
}
