package server

import (
	"context"
	"crypto/rand"
	"strings"
	"sync/atomic"
	"time"

	"presenced/internal/store"
)

// fellows are the other agents on one store: where they are reached, and the
// key that proves to them that a message comes from one of us.
type fellows struct {
	engine Engine
	agent  string
	key    atomic.Pointer[[]byte]
}

const (
	fellowSecret  = "flow"
	fellowRefresh = 30 * time.Second
)

// run keeps the shared key: whoever comes first makes it.
func (f *fellows) run(ctx context.Context) error {
	for {
		wait := fellowRefresh
		if err := f.refresh(ctx); err != nil {
			wait = time.Second
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

func (f *fellows) refresh(ctx context.Context) error {
	list, err := f.engine.Secrets(ctx, fellowSecret)
	if err == nil && len(list) == 0 {
		key := make([]byte, 32)
		rand.Read(key) // it never fails
		if err = f.engine.AddSecret(ctx, fellowSecret, store.Secret{ID: 1, Key: key}, 1, 0); err == nil {
			list, err = f.engine.Secrets(ctx, fellowSecret)
		}
	}
	if err == nil && len(list) > 0 {
		f.key.Store(&list[0].Key)
	}
	return err
}

// keys are message.Config's.
func (f *fellows) keys() [][]byte {
	if key := f.key.Load(); key != nil {
		return [][]byte{*key}
	}
	return nil
}

// hop is the SIP URI of an agent by its name (agentName), while it lives.
func (f *fellows) hop(ctx context.Context, agent string) (uri string, ok bool) {
	_, hostport, found := strings.Cut(agent, "@")
	if !found || hostport == "" || agent == f.agent {
		return "", false
	}
	if e, ok := unwrap(f.engine).(interface {
		Lives(ctx context.Context, agent string) bool
	}); !ok || !e.Lives(ctx, agent) {
		return "", false
	}
	return "sip:" + hostport, true
}
