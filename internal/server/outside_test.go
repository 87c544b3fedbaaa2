package server

import (
	"bytes"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
)

// get asks the node's HTTP server.
func (n *node) get(path string) (code int, body string) {
	w := httptest.NewRecorder()
	n.routes().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w.Code, w.Body.String()
}

func TestHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, _ := memoryNode(t, "", t.Output())
		command := n.command(t)
		for _, step := range []struct {
			name           string
			do             func() error
			healthz, ready int
		}{
			{"serving", func() error { return nil }, 200, 200},
			{"store away", func() error { return command("loses its store", "") }, 200, 503},
			{"store back", func() error { return command("has its store again", "") }, 200, 200},
			{"going down", func() error { n.draining.Store(true); return nil }, 200, 503},
		} {
			if err := step.do(); err != nil {
				t.Fatal(err)
			}
			if code, body := n.get("/healthz"); code != step.healthz {
				t.Errorf("%s: /healthz is %d %s", step.name, code, body)
			}
			if code, body := n.get("/readyz"); code != step.ready {
				t.Errorf("%s: /readyz is %d %s", step.name, code, body)
			}
		}
		n.mustStop(t)
	})
}

// After the flow of watch.txt (two SUBSCRIBEs, two PUBLISHes, four NOTIFYs)
// /metrics tells of it.
func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := readScript(t, "watch.txt", memoryPrefix)
		n, p := memoryNode(t, s.Config, t.Output())
		if err := p.Play(s); err != nil {
			t.Fatal(err)
		}
		_, text := n.get("/metrics")
		for _, line := range []string{
			`presenced_requests_total{code="200",method="PUBLISH"} 2`,
			`presenced_requests_total{code="200",method="SUBSCRIBE"} 2`,
			`presenced_request_seconds_count{method="PUBLISH"} 2`,
			`presenced_transactions{kind="pending"} 0`,
			`presenced_transactions{kind="answered"} `,
			`presenced_transactions{kind="client"} 0`,
			`presenced_store_records{class="publication"} 0`,
			`presenced_notifies_total{outcome="200",package="presence"} 4`,
			`presenced_change_to_notify_seconds_count 2`,
			`presenced_store_seconds_count{operation="publish"} 2`,
			`presenced_store_seconds_count{operation="document"} 4`,
			`presenced_store_records{class="document"} 0`,
			`presenced_store_errors_total{operation="publish"} 0`,
			`presenced_drops_total{reason="malformed"} 0`,
			`presenced_identified_total{outcome="accepted"} 4`,
		} {
			if !strings.Contains(text, "\n"+line) {
				t.Errorf("no %s", line)
			}
		}
		if t.Failed() {
			t.Log(text)
		}
		n.mustStop(t)
	})
}

// At debug there is a line for each request, and none shows a secret, a
// document, a message or a packet.
func TestLogHasNoSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := readScript(t, "9-credentials.txt", memoryPrefix)
		var log bytes.Buffer // slog's handler guards it, and it is read when the node is down
		n, p := memoryNode(t, s.Config+"\n[log]\nlevel = \"debug\"\nformat = \"json\"\n", &log)
		if err := p.Play(s); err != nil {
			t.Fatal(err)
		}
		n.mustStop(t)
		if lines, requests := strings.Count(log.String(), `"msg":"request"`), n.layer.Stats().Requests; uint64(lines) != requests {
			t.Errorf("%d lines for %d requests", lines, requests)
		}
		for _, secret := range []string{"wonderland", "builder", "nonce=", "response=", "SIP/2.0", "Hello", "<presence"} {
			if strings.Contains(log.String(), secret) {
				t.Errorf("the log says %q", secret)
			}
		}
		if t.Failed() {
			t.Log(log.String())
		}
	})
}
