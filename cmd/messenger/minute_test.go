package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"presenced/internal/config"
	"presenced/internal/server"
	"presenced/sip"
)

// TestFirstMinute is README's first minute against a real agent, with
// passwords, over each transport: one watches, another publishes, a message
// goes across, and Ctrl-C takes back what was said.
func TestFirstMinute(t *testing.T) {
	cert, key := certificate(t)
	agent := startAgent(t, cert, key)
	for _, proto := range []struct {
		name  string
		proto sip.Proto
	}{{"udp", sip.UDP}, {"tcp", sip.TCP}, {"tls", sip.TLS}} {
		t.Run(proto.name, func(t *testing.T) {
			messenger := func(args ...string) *session {
				args = append(args, "--transport", proto.name, "--tls-ca", cert)
				return start(t, agent.Addr(proto.proto).String(), "wonderland", args...)
			}
			watcher := messenger("watch", "alice@127.0.0.1", "bob@127.0.0.1")
			watcher.say(t, "bob@127.0.0.1 is closed (active)\n")
			presentity := messenger("publish", "bob@127.0.0.1", "open", "--note", "at my desk")
			watcher.say(t, `bob@127.0.0.1 is open (active), "at my desk"`+"\n")
			messenger("fetch", "alice@127.0.0.1", "bob@127.0.0.1").
				expect(t, exitDone, "12:03:04 bob@127.0.0.1 is open, \"at my desk\"\n", "")

			inbox := messenger("inbox", "bob@127.0.0.1")
			inbox.say(t, "is registered")
			messenger("send", "alice@127.0.0.1", "bob@127.0.0.1", "grüß dich").
				expect(t, exitDone, "12:03:04 sent to bob@127.0.0.1\n", "")
			inbox.say(t, "alice@127.0.0.1: grüß dich\n")

			inbox.stop() // first: who is registered is open
			inbox.wait(t)
			presentity.stop()
			presentity.wait(t)
			watcher.say(t, "at my desk\"\n12:03:04 bob@127.0.0.1 is closed (active)\n")
			messenger("send", "alice@127.0.0.1", "bob@127.0.0.1", "gone?").
				expect(t, exitFailed, "", "messenger: MESSAGE refused: 480 Temporarily Unavailable\n")
			watcher.stop()
			watcher.wait(t)
		})
	}
}

// startAgent starts a presence agent with alice and bob.
func startAgent(t *testing.T, cert, key string) *server.Server {
	t.Helper()
	return startAgentWith(t, cert, key, "", "")
}

// startAgentWith adds listeners and parts to the configuration.
func startAgentWith(t *testing.T, cert, key, listeners, parts string) *server.Server {
	t.Helper()
	c, _, err := config.Parse("test", fmt.Appendf(nil, `
[listen]
udp = ["127.0.0.1:0"]
tls = ["127.0.0.1:0"]
http = []
%s
[tls]
cert = %q
key = %q
[auth]
mode = "digest"
[notify]
min_interval = "0s"
[[principal]]
uri = "sip:alice@127.0.0.1"
password = "wonderland"
[[principal]]
uri = "sip:bob@127.0.0.1"
password = "wonderland"
%s
`, listeners, cert, key, parts))
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(c, server.Options{Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

// certificate writes one for 127.0.0.1 that vouches for itself.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	lender := httptest.NewTLSServer(nil)
	defer lender.Close()
	private, err := x509.MarshalPKCS8PrivateKey(lender.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", lender.Certificate().Raw), write("key.pem", "PRIVATE KEY", private)
}
