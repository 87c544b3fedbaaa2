package server

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"presenced/internal/store/embedded"
	"presenced/sip/siptest"
)

// TestNthStoreCallFails plays each transcript of testdata/fault with the n-th
// call of the store after the line "node fails once" failing, for n = 1, 2, ...
// until there are no more calls. A request may be refused then and is sent
// again; all else that is written must come true: nothing is half done.
func TestNthStoreCallFails(t *testing.T) {
	files, err := filepath.Glob("testdata/fault/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s, err := siptest.ReadScript(filepath.Base(file), string(text), memoryPrefix)
			if err != nil {
				t.Fatal(err)
			}
			const tooMany = 50
			for n := int64(1); ; n++ {
				failed := false
				t.Run(fmt.Sprintf("call %d", n), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { failed = playFailing(t, s, n) })
				})
				if !failed {
					if n == 1 {
						t.Error("no call fails: nothing was tested")
					}
					return
				}
				if n == tooMany {
					t.Fatal("it never ends")
				}
			}
		})
	}
}

// playFailing says whether there was an n-th call.
func playFailing(t *testing.T, s *siptest.Script, nth int64) (failed bool) {
	network := siptest.NewNetwork()
	engine, err := embedded.Open(embedded.Config{Agent: agentOf(memoryPrefix)})
	if err != nil {
		t.Fatal(err)
	}
	away := &faulty{Engine: engine, closes: true}
	n := startNode(t, s.Config, memoryPrefix, network.Host(hostOf(memoryPrefix)), away)
	p := siptest.Player{
		Node: n.addr(), Host: network.Host, Settle: synctest.Wait,
		Patience: 40 * time.Second, // what the store delayed is tried again
	}
	p.Command = func(words, block string) error {
		if words != "fails once" {
			return n.document(t, words, block)
		}
		away.failing(func(call int64) bool {
			failed = failed || call == nth
			return call == nth
		})
		return nil
	}
	synctest.Wait()
	if err := p.Play(s); err != nil {
		t.Errorf("call %d failed: %v", nth, err)
	}
	n.mustStop(t)
	return failed
}
