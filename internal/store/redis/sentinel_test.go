package redis

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"presenced/internal/store"
)

// startSentinel starts a Sentinel that watches a master under the name m.
func startSentinel(t *testing.T, master *testServer) *testServer {
	t.Helper()
	port := freePort(t)
	config := filepath.Join(t.TempDir(), "sentinel.conf")
	text := fmt.Sprintf("port %d\nbind 127.0.0.1\nloglevel warning\nsentinel monitor m 127.0.0.1 %d 1\n"+
		"sentinel down-after-milliseconds m 500\nsentinel failover-timeout m 2000\n", port, master.port)
	must(t, os.WriteFile(config, []byte(text), 0o600))
	return startServer(t, port, []string{config, "--sentinel"})
}

func TestSentinelFailsOver(t *testing.T) {
	t.Parallel()
	master := startRedis(t)
	replica := startRedis(t, "--replicaof", fmt.Sprintf("127.0.0.1 %d", master.port))
	eventually(t, "the replica follows", func() bool {
		return field(replica.client.Info(t.Context(), "replication").Val(), "master_link_status") == "up"
	})
	sentinel := startSentinel(t, master)
	eventually(t, "the Sentinel knows the replica", func() bool {
		list, err := sentinel.client.Do(t.Context(), "sentinel", "replicas", "m").Slice()
		return err == nil && len(list) == 1
	})
	config := Config{
		Options: Options{Mode: Sentinel, Addrs: []string{sentinel.addr}, Master: "m"},
		Agent:   "agent-a", AcceptRisk: true, Log: silent(),
	}
	a := open(t, config)
	config.Agent = "agent-b"
	b := open(t, config)
	following(t, a)
	publish(t, a, alice, initial("a", time.Hour))
	eventually(t, "the replica has it", func() bool {
		return replica.client.ZScore(t.Context(), a.keys[store.Shard(alice.AOR)].changes, memberOf(alice)).Err() == nil
	})
	watch(t, a, alice)
	master.kill(t)
	eventually(t, "the replica is promoted and takes writes", func() bool {
		return b.Publish(t.Context(), alice, store.Publish{
			IfMatch: "a-1", Publication: store.Publication{Tag: "a-2", Body: body, TTL: time.Hour},
		}) == nil
	})
	select {
	case <-a.Lost():
	case <-time.After(patience):
		t.Fatal("the fail-over was not told")
	}
	wantNext(t, a, alice)
	var all store.Publications
	eventually(t, "agent-a reads from the new master", func() bool {
		var err error
		all, err = a.Publications(t.Context(), alice)
		return err == nil
	})
	if len(all.List) != 1 || all.List[0].Tag != "a-2" {
		t.Errorf("got %+v", all)
	}
	a.Seen(alice, all.Version)
	following(t, a)
	publish(t, b, alice, store.Publish{IfMatch: "a-2", Publication: store.Publication{TTL: 0}})
	wantNext(t, a, alice)
}
