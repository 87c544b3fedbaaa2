package server

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"presenced/internal/server/servertest"
	"presenced/internal/store/redis"
	"presenced/sip/siptest"
)

// mostElapsed is how long a transcript may take in real time.
const mostElapsed = time.Second

// TestTranscriptsOnRedis plays the transcripts that need no long time on real
// sockets, with a redis-server of the test's own. Each has a part of the
// loopback network to itself, so that no port is anybody else's.
func TestTranscriptsOnRedis(t *testing.T) {
	server := servertest.StartRedis(t)
	played := 0
	for i, s := range scripts(t, memoryPrefix) {
		if s.Elapses() > mostElapsed || s.IPv6() { // ::1 is one address, and its ports are everybody's
			continue
		}
		played++
		prefix := fmt.Sprintf("127.77.%d.", i)
		t.Run(strings.TrimSuffix(s.Name, ".txt"), func(t *testing.T) { playOnRedis(t, server, readScript(t, s.Name, prefix), prefix) })
	}
	if played < 40 {
		t.Errorf("%d transcripts: most are meant to be played here too", played)
	}
}

func playOnRedis(t *testing.T, server *servertest.Redis, s *siptest.Script, prefix string) {
	if answer := server.Command("FLUSHALL"); answer != "+OK" {
		t.Fatal(answer)
	}
	engine, err := redis.Open(t.Context(), redis.Config{
		Options: redis.Options{Addrs: []string{server.Addr}}, Agent: agentOf(prefix), AcceptRisk: true, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	away := &faulty{Engine: engine}
	n := startNode(t, s.Config, prefix, siptest.Loopback(hostOf(prefix)), away)
	p := siptest.Player{
		Node: n.addr(), Host: siptest.Loopback, Patience: patience, Quiet: 50 * time.Millisecond,
		Command: n.command(t),
	}
	if err := p.Play(s); err != nil {
		t.Errorf("%s\n%v", s.Title, err)
	}
	away.closes = true
	n.mustStop(t)
}
