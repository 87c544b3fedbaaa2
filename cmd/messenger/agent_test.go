package main

import (
	"fmt"
	"strings"
	"testing"

	"presenced/sip"
)

// TestRulesAtAgent edits the documents of a real agent, over HTTP and over TLS.
func TestRulesAtAgent(t *testing.T) {
	cert, key := certificate(t)
	for listener, scheme := range map[string]string{"xcap": "http", "xcaps": "https"} {
		t.Run(scheme, func(t *testing.T) {
			agent := startAgentWith(t, cert, key, fmt.Sprintf("%s = [%q]", listener, "127.0.0.1:0"), "")
			messenger := func(line string) *session {
				args := append(strings.Fields(line), "--tls-ca", cert, "--http", scheme+"://"+agent.XCAPAddr().String())
				return start(t, agent.Addr(sip.UDP).String(), "wonderland", args...)
			}
			messenger("rules alice@127.0.0.1").expect(t, exitDone,
				"everybody of localhost or everybody of 127.0.0.1 or everybody of [::1]: allow, sees everything\n"+
					"everybody but those of localhost, those of 127.0.0.1, those of [::1]: confirm\n"+
					"watchers without a name: confirm\n",
				"messenger: alice@127.0.0.1 has no access rules: the agent's defaults count\n"+combined)
			messenger("block alice@127.0.0.1 bob@127.0.0.1").expect(t, exitDone, "12:03:04 bob@127.0.0.1: block now: its subscription ends, and a new one is refused\n", "")
			messenger("rules alice@127.0.0.1").say(t, "everybody of 127.0.0.1 but bob@127.0.0.1 or everybody of [::1]: allow")
			messenger("rules alice@127.0.0.1 --for bob@127.0.0.1").expect(t, exitFailed, "", "messenger: GET refused: 403 Forbidden: .*\n")
			messenger("delegate bob@127.0.0.1 alice@127.0.0.1 rules").expect(t, exitDone, "12:03:04 alice@127.0.0.1 may edit your rules\n", "")
			messenger("allow alice@127.0.0.1 carol@127.0.0.1 --for bob@127.0.0.1").expect(t, exitDone, "12:03:04 carol@127.0.0.1: allow now: it sees your presence\n", "")
			messenger("visibility alice@127.0.0.1 hidden @example.com").expect(t, exitDone, "12:03:04 everybody of example.com: "+outlooks["hidden"]+"\n", "")
			messenger("visibility alice@127.0.0.1").expect(t, exitDone, "everybody of example.com: hidden\n", "")
			messenger("rules alice@127.0.0.1 --delete").expect(t, exitDone, "12:03:04 the access rules of alice@127.0.0.1 are deleted: the agent's defaults count\n", "")
		})
	}
}
