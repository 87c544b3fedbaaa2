package registrar

import (
	"context"
	"slices"
	"sync"
	"time"

	"presenced/internal/store"
)

// memory is a Registrations with a clock that tests move.
type memory struct {
	mu    sync.Mutex
	now   time.Time
	reg   map[string]store.Registration
	away  bool
	races int    // so many saves find that another agent was faster
	saved func() // called within each save that succeeds
	saves int
}

func newMemory() *memory {
	return &memory{now: time.Unix(1_800_000_000, 0), reg: map[string]store.Registration{}}
}

func (m *memory) Bindings(_ context.Context, aor string) (store.Registration, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		return store.Registration{}, store.ErrUnavailable
	}
	reg := m.reg[aor]
	reg.Bindings = slices.Clone(reg.Bindings)
	return reg, nil
}

func (m *memory) SaveBindings(_ context.Context, aor string, reg store.Registration) (store.Version, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	stored := m.reg[aor]
	if m.races > 0 {
		m.races--
		stored.Version++
		m.reg[aor] = stored
	}
	if stored.Version != reg.Version {
		return 0, store.ErrConflict
	}
	reg.Version++
	for i := range reg.Bindings {
		b := &reg.Bindings[i]
		if !slices.ContainsFunc(stored.Bindings, func(s store.Binding) bool {
			return s.Contact == b.Contact && s.CallID == b.CallID && s.CSeq == b.CSeq && s.Flow == b.Flow
		}) {
			b.Updated = m.now.Unix()
		}
	}
	m.reg[aor] = reg
	m.saves++
	if m.saved != nil {
		m.saved()
	}
	return reg.Version, nil
}
