package server_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"presenced/internal/config"
	"presenced/internal/server"
	"presenced/internal/server/servertest"
	"presenced/sip"
)

// clusterNode is a whole node in this process on real sockets.
type clusterNode struct {
	*server.Server
	stop func() // drains, and waits until it is down
}

// startNode starts a node with the keys of a configuration, until the test
// ends.
func startNode(t testing.TB, text string) *clusterNode {
	t.Helper()
	c, _, err := config.Parse("test.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return startWith(t, c, server.Options{})
}

// startWith is startNode on another network or store.
func startWith(t testing.TB, c *config.Config, o server.Options) *clusterNode {
	t.Helper()
	s, err := server.New(c, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done, stopped := make(chan error, 1), false
	go func() { done <- s.Run(ctx) }()
	n := &clusterNode{Server: s}
	n.stop = func() {
		cancel()
		if stopped {
			return
		}
		stopped = true
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(n.stop)
	return n
}

const loopbackConfig = `
[listen]
udp = ["127.0.0.1:0"]
http = []
[notify]
min_interval = "0s"
[watchers]
min_interval = "0s"
`

// startAgent starts an agent over a Redis.
func startAgent(t testing.TB, r *servertest.Redis, name, grace string) *clusterNode {
	t.Helper()
	return startNode(t, strings.Replace(loopbackConfig, "http = []", `http = ["127.0.0.1:0"]`, 1)+fmt.Sprintf(`
[control]
socket = "%s/sock"
[store]
engine = "redis"
redis = "redis://%s"
accept_losing_durable_state = true
[cluster]
agent = "%s"
grace = "%s"
`, t.TempDir(), r.Addr, name, grace))
}

// metrics is what an agent says of itself.
func (n *clusterNode) metrics(t testing.TB) string {
	t.Helper()
	response, err := http.Get("http://" + n.HTTPAddr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// serves is how many active subscriptions an agent says that it serves.
func (n *clusterNode) serves(t testing.TB) int {
	t.Helper()
	const name = `presenced_subscriptions{package="presence",state="active"} `
	for line := range strings.Lines(n.metrics(t)) {
		if value, ok := strings.CutPrefix(line, name); ok {
			count, err := strconv.Atoi(strings.TrimSpace(value))
			if err != nil {
				t.Fatal(err)
			}
			return count
		}
	}
	return 0
}

func (n *clusterNode) udp() netip.AddrPort { return n.Addr(sip.UDP) }

func (n *clusterNode) tcp() netip.AddrPort { return n.Addr(sip.TCP) }

// peer is a peer on UDP of the domain that every node has.
func peer(t testing.TB, user string) *servertest.Peer {
	t.Helper()
	return servertest.UDP(t, user+"@127.0.0.1", "127.0.0.1")
}

// tells checks what a NOTIFY says and who sent it.
func tells(t testing.TB, n servertest.Notify, text string, from netip.AddrPort) {
	t.Helper()
	if !strings.Contains(n.Body, text) || !strings.HasPrefix(n.State, "active") {
		t.Errorf("a NOTIFY without %q: %s\n%s", text, n.State, n.Body)
	}
	if n.From != from {
		t.Errorf("a NOTIFY from %s, want %s", n.From, from)
	}
}
