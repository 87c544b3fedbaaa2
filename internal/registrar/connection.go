package registrar

import (
	"context"
	"errors"
	"slices"
	"time"

	"presenced/internal/store"
	"presenced/sip"
)

// pin notes that aor has a binding that only this connection reaches.
func (g *Registrar) pin(flow sip.Flow, aor string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.conns[flow.Conn] == nil {
		g.conns[flow.Conn] = map[string]bool{}
	}
	g.conns[flow.Conn][aor] = true
}

func (g *Registrar) isPinned(flow sip.Flow, aor string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.conns[flow.Conn][aor]
}

// patience is how long the store may take to forget bindings of which nobody
// is told.
const patience = 10 * time.Second

// Closed removes the bindings that could be reached on this connection alone.
// It does not wait for the store. What it cannot remove, the first MESSAGE
// will (Unreachable), or time.
func (g *Registrar) Closed(flow sip.Flow) {
	g.mu.Lock()
	aors := g.conns[flow.Conn]
	delete(g.conns, flow.Conn)
	g.mu.Unlock()
	if len(aors) == 0 {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		for aor := range aors {
			if err := g.drop(ctx, aor, onFlow(flow)); err != nil {
				g.Log.Warn("bindings of a closed connection stay until they lapse", "aor", aor, "error", err)
			}
		}
	}()
}

// Unreachable is told that a request to a binding found its connection gone,
// as those of an earlier process are: the binding is removed if it still has
// that flow and no Path. A connection never comes back. Any error is the
// store's.
func (g *Registrar) Unreachable(ctx context.Context, aor, contact, flow string) error {
	if !sip.ParseFlow(flow).Proto.Reliable() {
		return nil
	}
	return g.drop(ctx, aor, func(b store.Binding) bool {
		return b.Contact == contact && b.Flow == flow && len(b.Path) == 0
	})
}

// onFlow picks the bindings that only this flow reaches.
func onFlow(flow sip.Flow) func(store.Binding) bool {
	text := flow.Text()
	return func(b store.Binding) bool { return b.Flow == text && len(b.Path) == 0 }
}

// errNone says that no binding is to be removed.
var errNone = errors.New("registrar: no such binding")

// drop removes the bindings that dead picks.
func (g *Registrar) drop(ctx context.Context, aor string, dead func(store.Binding) bool) error {
	_, err := g.Store.UpdateBindings(ctx, aor, nil, func(live []store.Binding) ([]store.Binding, error) {
		left := slices.DeleteFunc(live, dead)
		if len(left) == len(live) {
			return nil, errNone
		}
		return left, nil
	})
	if errors.Is(err, errNone) {
		return nil
	}
	return err
}
