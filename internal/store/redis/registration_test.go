package redis

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"presenced/internal/store"
)

// adding is a change that adds a binding and keeps the others.
func adding(contact string) store.BindingsChange {
	return func(live []store.Binding) ([]store.Binding, error) {
		return append(live, store.Binding{Contact: contact, TTL: time.Hour}), nil
	}
}

// An agent that stored an inbox last changes it in one round trip; one that
// did not learns what is there, and loses nothing of it.
func TestUpdateRoundTrips(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	var agents []*Engine
	for _, name := range []string{"agent-a", "agent-b"} {
		e, err := Open(t.Context(), s.at(name))
		must(t, err)
		t.Cleanup(func() { must(t, e.Close()) })
		agents = append(agents, e)
	}
	var want []string
	for i, step := range []struct{ agent, trips int }{
		{0, 2}, {0, 1}, {0, 1}, {1, 2}, {1, 1}, {0, 2}, {0, 1}, {1, 2}, // 2: to read and to store, or to be refused and to store
	} {
		want = append(want, "sip:a@192.0.2."+strconv.Itoa(i))
		e, before := agents[step.agent], scriptsRun(t, s)
		list, err := e.UpdateBindings(t.Context(), alice.AOR, nil, adding(want[i]))
		must(t, err)
		trips := scriptsRun(t, s) - before
		reg, err := e.Bindings(t.Context(), alice.AOR)
		must(t, err)
		for _, bindings := range [][]store.Binding{list, reg.Bindings} {
			if got := contacts(bindings); !slices.Equal(got, want) {
				t.Fatalf("step %d: %q, want %q", i, got, want)
			}
		}
		if list[i].Updated == 0 || list[i].Updated != reg.Bindings[i].Updated {
			t.Errorf("step %d: updated %d, stored %d", i, list[i].Updated, reg.Bindings[i].Updated)
		}
		if i > 0 && trips != step.trips { // at first Redis is told the scripts
			t.Errorf("step %d: %d round trips, want %d", i, trips, step.trips)
		}
	}
}

// Other agents hear at once of a binding that comes, goes or lapses, and not of
// one that is refreshed.
func TestHintsOfBindings(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	e, err := Open(t.Context(), s.at("agent-a"))
	must(t, err)
	run(t, e)
	hints := s.client.SSubscribe(t.Context(), e.keys[store.Shard(alice.AOR)].hints)
	t.Cleanup(func() { must(t, hints.Close()) })
	_, err = hints.Receive(t.Context()) // it is subscribed
	must(t, err)

	for i, bindings := range [][]store.Binding{
		{{Contact: "sip:a@192.0.2.1", TTL: time.Hour}},
		{{Contact: "sip:a@192.0.2.1", TTL: time.Hour, CSeq: 2}}, // tells nothing
		{{Contact: "sip:a@192.0.2.1", TTL: time.Hour}, {Contact: "sip:a@192.0.2.2", TTL: time.Hour}},
		{},
		{{Contact: "sip:a@192.0.2.3", TTL: 50 * time.Millisecond}}, // comes, and lapses
	} {
		_, err := e.UpdateBindings(t.Context(), alice.AOR, nil, func([]store.Binding) ([]store.Binding, error) { return bindings, nil })
		must(t, err)
		if i == 1 || i == 4 {
			continue
		}
		reg, err := e.Bindings(t.Context(), alice.AOR)
		must(t, err)
		wantHint(t, hints, reg.Version)
	}
	wantHint(t, hints, 0)
	wantHint(t, hints, 0)
}

// wantHint receives a hint at alice's bindings; of any version if it is 0.
func wantHint(t *testing.T, hints *goredis.PubSub, version store.Version) {
	t.Helper()
	message, err := hints.ReceiveMessage(t.Context())
	must(t, err)
	got, member, _ := strings.Cut(message.Payload, " ")
	if member != store.RegistrationPackage+":"+alice.AOR || version != 0 && got != strconv.FormatUint(uint64(version), 10) {
		t.Errorf("hint %q, want version %d", message.Payload, version)
	}
}

func contacts(list []store.Binding) (contacts []string) {
	for i := range list {
		contacts = append(contacts, list[i].Contact)
	}
	return contacts
}

// scriptsRun is how many scripts Redis has run by their hash.
func scriptsRun(t *testing.T, s *testServer) int {
	t.Helper()
	_, calls, _ := strings.Cut(field(s.client.Info(t.Context(), "commandstats").Val(), "cmdstat_evalsha"), "calls=")
	calls, _, _ = strings.Cut(calls, ",")
	n, err := strconv.Atoi("0" + calls)
	must(t, err)
	return n
}
