package registrar

import (
	"context"
	"testing"
	"testing/synctest"

	"presenced/sip"
)

func contacts(m *memory) (list string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range m.reg[alice].Bindings {
		list += b.Contact + " "
	}
	return list
}

func TestBindingsDieWithTheirConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		g := New(testConfig(m))
		serve(g, register(t, tcp(1), "c1", 1, "Contact: <sip:one@h>"))
		serve(g, register(t, tcp(2), "c2", 1, "Contact: <sip:two@h>"))
		serve(g, register(t, tcp(1), "c3", 1, "Contact: <sip:path@h>", "Supported: path", "Path: <sip:p.example.net;lr>"))
		g.Closed(tcp(1))
		synctest.Wait()
		if got := contacts(m); got != "sip:two@h sip:path@h " {
			t.Errorf("left: %s", got)
		}
		serve(g, register(t, tcp(3), "c2", 2, "Contact: <sip:two@h>")) // it moved to a new connection
		g.Closed(tcp(2))
		synctest.Wait()
		if got := contacts(m); got != "sip:two@h sip:path@h " {
			t.Errorf("left after the move: %s", got)
		}
		g.Closed(tcp(3))
		synctest.Wait()
		if len(g.conns) != 0 || contacts(m) != "sip:path@h " {
			t.Errorf("connections %v, left: %s", g.conns, contacts(m))
		}
	})
}

func TestUDPIsNeverClosed(t *testing.T) {
	m := newMemory()
	g := New(testConfig(m))
	serve(g, register(t, udp, "c1", 1, "Contact: <sip:one@h>"))
	if len(g.conns) != 0 {
		t.Errorf("connections: %v", g.conns)
	}
	if err := g.Unreachable(context.Background(), alice, "sip:one@h", udp.Text()); err != nil || contacts(m) == "" {
		t.Errorf("%v, left: %q", err, contacts(m))
	}
}

// The connection closes while its REGISTER is being stored.
func TestClosedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		g := New(testConfig(m))
		m.saved = func() {
			m.saved = nil
			g.mu.Lock()
			delete(g.conns, 1)
			g.mu.Unlock()
		}
		serve(g, register(t, tcp(1), "c1", 1, "Contact: <sip:one@h>"))
		if got := contacts(m); got != "" {
			t.Errorf("left: %s", got)
		}
	})
}

// The connection has closed before its REGISTER is served.
func TestClosedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		c := testConfig(m)
		c.Serves = func(flow sip.Flow) bool { return flow != tcp(1) }
		g := New(c)
		g.Closed(tcp(1))
		serve(g, register(t, tcp(1), "c1", 1, "Contact: <sip:one@h>"))
		serve(g, register(t, tcp(2), "c2", 1, "Contact: <sip:two@h>"))
		synctest.Wait()
		if got := contacts(m); got != "sip:two@h " || len(g.conns) != 1 {
			t.Errorf("left: %s, connections: %v", got, g.conns)
		}
	})
}

func TestUnreachable(t *testing.T) {
	m := newMemory()
	g := New(testConfig(m))
	serve(g, register(t, tcp(1), "c1", 1, "Contact: <sip:one@h>"))
	serve(g, register(t, tcp(1), "c2", 1, "Contact: <sip:two@h>"))
	flow := func(f sip.Flow) string { return f.Text() }
	ctx := context.Background()
	if err := g.Unreachable(ctx, alice, "sip:one@h", flow(tcp(9))); err != nil || contacts(m) != "sip:one@h sip:two@h " {
		t.Errorf("of another flow: %v, left: %s", err, contacts(m))
	}
	if err := g.Unreachable(ctx, alice, "sip:one@h", flow(tcp(1))); err != nil || contacts(m) != "sip:two@h " {
		t.Errorf("%v, left: %s", err, contacts(m))
	}
}
