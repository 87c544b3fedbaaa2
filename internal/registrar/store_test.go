package registrar

import (
	"context"
	"errors"
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

func (m *memory) UpdateBindings(ctx context.Context, aor string, _ []store.Binding, change store.BindingsChange) ([]store.Binding, error) {
	for range 8 {
		reg, err := m.Bindings(ctx, aor)
		if err == nil {
			reg.Bindings, err = change(reg.Bindings)
		}
		if err != nil {
			return nil, err
		}
		err = m.save(aor, reg)
		if !errors.Is(err, store.ErrConflict) {
			return reg.Bindings, err
		}
	}
	return nil, store.ErrConflict
}

func (m *memory) save(aor string, reg store.Registration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	stored := m.reg[aor]
	if m.races > 0 {
		m.races--
		stored.Version++
		m.reg[aor] = stored
	}
	if stored.Version != reg.Version {
		return store.ErrConflict
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
	reg.Bindings = slices.Clone(reg.Bindings)
	m.reg[aor] = reg
	if m.saved != nil {
		m.saved()
	}
	return nil
}
