package server_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"presenced/internal/config"
	"presenced/internal/rules"
	"presenced/internal/server"
	"presenced/internal/server/servertest"
	"presenced/internal/store"
)

// Rules that are put at one agent are in force at the other.
func TestClusterRules(t *testing.T) {
	t.Parallel()
	redis := servertest.StartRedis(t)
	a := startAgent(t, redis, "a", "1s")
	bob, alice := peer(t, "bob"), peer(t, "alice")
	bob.Publish(a.udp(), "", "one")
	watch := alice.Subscribe(a.udp(), bob.AOR, 600)

	c, _, err := config.Parse("test.toml", []byte(loopbackConfig+"[store]\nengine = \"redis\"\nredis = \"redis://"+redis.Addr+"\"\naccept_losing_durable_state = true\n"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := server.OpenStore(context.Background(), c, "b@", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	start := time.Now()
	doc := store.Document{AOR: bob.AOR, Name: rules.NameAccess, Tag: "1", Body: []byte(`<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"/>`)}
	if err := other.PutDocument(t.Context(), doc, store.MatchAny); err != nil {
		t.Fatal(err)
	}
	n := watch.Next()
	if !strings.HasPrefix(n.State, "terminated;reason=rejected") {
		t.Errorf("blocked at another agent: %+v", n)
	}
	t.Logf("put at one agent, told by the other after %v", n.At.Sub(start))

	// A Redis that was emptied opens no door: alice stays blocked.
	if answer := redis.Command("FLUSHALL"); answer != "+OK" {
		t.Fatal(answer)
	}
	again := alice.NewDialog(bob.AOR)
	servertest.Eventually(t, "the agent has found the rules lost", func() bool {
		again.Do(a.udp(), again.Request(600), 403)
		return strings.Contains(a.metrics(t), `presenced_rules_read_total{outcome="lost"} 1`)
	})
}
