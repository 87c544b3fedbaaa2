package redis

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"presenced/internal/store"
)

// slowPublish is publish.lua without publish_usual.lua, whose oracle it is.
var slowPublish = load("publish_begin", "common", "publications", "publish")

// twin is two engines on one Redis that are told the same, each in keys of its
// own; the first runs publish_usual.lua, the other never does.
type twin struct {
	usual, slow *Engine
	server      *testServer
	last        [2]int64 // version
	offset      time.Duration
}

// publish makes the same PUBLISH on both and says what it came to: "" for a
// new version, else the answer.
func (w *twin) publish(t *testing.T, p store.Publish) string {
	t.Helper()
	var results [2]string
	for i, e := range []*Engine{w.usual, w.slow} {
		shard := int(store.Shard(alice.AOR))
		script := publishScript
		if i == 1 {
			script = slowPublish
		}
		answer, err := e.runCall(t.Context(), shard, script, e.publishCall(shard, memberOf(alice), operationOf(p), p))
		must(t, err)
		switch version := answer.(int64); {
		case version <= 2:
			results[i] = fmt.Sprint(version)
		case version <= w.last[i]:
			t.Fatalf("%+v: version %d after %d", p, version, w.last[i])
		default:
			w.last[i] = version
		}
	}
	if results[0] != results[1] {
		t.Fatalf("%+v: answered %q, publish.lua %q", p, results[0], results[1])
	}
	return results[0]
}

// state is all that Redis holds of alice, with times in whole minutes and
// without versions.
func (w *twin) state(t *testing.T, e *Engine) string {
	t.Helper()
	var b strings.Builder
	k := &e.keys[store.Shard(alice.AOR)]
	all := stored(t, e, alice)
	for i, p := range all.List {
		fmt.Fprintf(&b, "%s %s %s %v %t\n", p.ID, p.Tag, p.Body, p.TTL.Round(time.Minute), p.Order == uint64(all.Version))
		if i > 0 && p.Order <= all.List[i-1].Order || p.Order > uint64(all.Version) {
			fmt.Fprintf(&b, "out of order\n")
		}
	}
	ctx, c := t.Context(), w.server.client
	if index := c.ZScore(ctx, k.changes, memberOf(alice)).Val(); index != float64(all.Version) {
		fmt.Fprintf(&b, "version %d, in the index %.0f\n", all.Version, index)
	}
	for _, end := range c.ZRangeWithScores(ctx, k.expiry, 0, -1).Val() {
		fmt.Fprintf(&b, "%v %v\n", end.Member, time.UnixMicro(int64(end.Score)).Add(-w.offset).Sub(time.Now()).Round(time.Minute))
	}
	fields := c.HLen(ctx, k.base+"pub:"+memberOf(alice)).Val()
	fmt.Fprintf(&b, "%v, %d fields\n", c.HGetAll(ctx, k.counts).Val(), fields)
	return b.String()
}

// random is a PUBLISH that often fits what is there, and sometimes not, or not
// any more.
func random(r *rand.Rand, tags []string, n int) store.Publish {
	p := store.Publish{Limit: r.IntN(3)}
	p.Publication.ID, p.Publication.Tag = fmt.Sprintf("id%d", r.IntN(3)), fmt.Sprintf("tag%d", n)
	p.Publication.TTL = time.Duration(1+r.IntN(5)) * 10 * time.Minute
	if len(tags) > 0 && r.IntN(5) > 0 {
		p.IfMatch = tags[max(0, len(tags)-1-r.IntN(3))]
		if r.IntN(4) == 0 {
			p.Publication.TTL = 0
		}
	}
	if p.IfMatch == "" || r.IntN(2) == 0 {
		p.Publication.Body = fmt.Appendf(nil, "body %d", n)
	}
	return p
}

// What publish_usual.lua does to a publication is what publish.lua does.
func TestPublishUsual(t *testing.T) {
	t.Parallel()
	s := startRedis(t)
	w := &twin{server: s}
	for _, of := range []struct {
		engine **Engine
		prefix string
	}{{&w.usual, "usual"}, {&w.slow, "slow"}} {
		config := s.at("agent-a")
		config.Prefix = of.prefix
		e, err := Open(t.Context(), config) // without Run: nothing ends but by what is asked
		must(t, err)
		t.Cleanup(func() { must(t, e.Close()) })
		*of.engine = e
	}
	r := rand.New(rand.NewPCG(3903, 5))
	var tags []string
	for n := range 3000 {
		p := random(r, tags, n)
		if n > 0 && r.IntN(10) == 0 {
			p.Publication.Tag = tags[len(tags)-1] // again
		}
		w.publish(t, p)
		tags = append(tags, p.Publication.Tag)
		if usual, slow := w.state(t, w.usual), w.state(t, w.slow); usual != slow {
			t.Fatalf("after PUBLISH %d, %+v:\n%s, publish.lua:\n%s", n, p, usual, slow)
		}
		if n >= 1000 && r.IntN(4) == 0 {
			w.offset += time.Duration(r.IntN(20)-6) * time.Minute // the clock may go back
			w.usual.SetOffset(w.offset)
			w.slow.SetOffset(w.offset)
		}
	}
}
