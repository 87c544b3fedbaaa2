package server

import (
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"presenced/internal/store/embedded"
	"presenced/sip/siptest"
)

// scripts reads every transcript.
func scripts(t testing.TB, prefix string) []*siptest.Script {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	var list []*siptest.Script
	for _, file := range files {
		list = append(list, readScript(t, filepath.Base(file), prefix))
	}
	return list
}

func readScript(t testing.TB, name, prefix string) *siptest.Script {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	s, err := siptest.ReadScript(name, string(text), prefix)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestTranscripts plays testdata/*.txt on a network in memory, in virtual
// time, with the embedded engine. One alone: -run 'TestTranscripts/NAME'.
func TestTranscripts(t *testing.T) {
	for _, s := range scripts(t, memoryPrefix) {
		t.Run(strings.TrimSuffix(s.Name, ".txt"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { playInMemory(t, s) })
		})
	}
}

func playInMemory(t *testing.T, s *siptest.Script) {
	n, p := memoryNode(t, s.Config, t.Output())
	if err := p.Play(s); err != nil {
		t.Errorf("%s\n%v", s.Title, err)
	}
	n.mustStop(t)
}

// memoryNode starts a node with a store that can be away, and a player beside it.
func memoryNode(t *testing.T, lines string, log io.Writer) (*node, *siptest.Player) {
	t.Helper()
	network := siptest.NewNetwork()
	engine, err := embedded.Open(embedded.Config{Agent: agentOf(memoryPrefix)})
	if err != nil {
		t.Fatal(err)
	}
	away := &faulty{Engine: engine}
	n := &node{engine: away, host: network.Host(hostOf(memoryPrefix)), config: lines, prefix: memoryPrefix, log: log}
	n.start(t)
	t.Cleanup(func() { engine.Close() })
	synctest.Wait()
	return n, &siptest.Player{
		Node: n.addr(), Node6: netip.MustParseAddrPort("[2001:db8::1]:5060"), Host: network.Host, Settle: synctest.Wait,
		Patience: 20 * time.Millisecond, Command: n.command(t),
	}
}
