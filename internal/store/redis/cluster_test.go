package redis

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"testing"
	"time"

	"presenced/internal/store"
	"presenced/internal/store/storetest"
)

// startCluster starts a Cluster of three masters without replicas.
func startCluster(t *testing.T) (servers []*testServer, addrs []string) {
	t.Helper()
	for range 3 {
		s := startRedis(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-require-full-coverage", "no")
		servers = append(servers, s)
		addrs = append(addrs, s.addr)
	}
	cli, err := exec.LookPath("redis-cli")
	if err != nil {
		t.Fatal("redis-cli is missing: it is in the Debian package redis-tools")
	}
	create := exec.Command(cli, append(append([]string{"--cluster", "create"}, addrs...), "--cluster-yes")...)
	if out, err := create.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, s := range servers {
		eventually(t, "the Cluster is up", func() bool {
			return field(s.client.ClusterInfo(t.Context()).Val(), "cluster_state") == "ok"
		})
	}
	return servers, addrs
}

func TestCluster(t *testing.T) {
	t.Parallel()
	servers, addrs := startCluster(t)
	config := func(agent string) Config {
		return Config{Options: Options{Mode: Cluster, Addrs: addrs}, Agent: agent, AcceptRisk: true, Log: silent()}
	}
	t.Run("suite", func(t *testing.T) {
		storetest.RunShared(t, func(t *testing.T) storetest.Harness {
			for _, s := range servers {
				must(t, s.client.FlushAll(t.Context()).Err())
			}
			var c clock
			return storetest.Harness{
				Open:    func(t *testing.T, agent string) storetest.Engine { return c.open(t, config(agent)) },
				Advance: c.advance,
			}
		})
	})
	t.Run("a dead master costs its own shards only", func(t *testing.T) {
		e := open(t, config("agent-a"))
		servers[0].kill(t)
		var answered, failed int
		for i := range 100 {
			key := store.Key{AOR: fmt.Sprintf("sip:p%d@example.com", i), Package: "presence"}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			err := e.Publish(ctx, key, initial("a", time.Hour))
			cancel()
			switch {
			case err == nil:
				answered++
			case errors.Is(err, store.ErrUnavailable):
				failed++
			default:
				t.Fatal(err)
			}
		}
		if answered < 40 || failed < 10 {
			t.Errorf("%d answered, %d unavailable", answered, failed)
		}
	})
}
