package server

import (
	"context"
	"fmt"
	"sync/atomic"

	"presenced/internal/store"
)

// faulty is an engine that can be told to be away.
type faulty struct {
	Engine
	calls  atomic.Int64                     // that may fail
	fails  atomic.Pointer[func(int64) bool] // says which do, counted from 1
	closes bool
}

func (f *faulty) fail() error {
	n := f.calls.Add(1)
	if decide := f.fails.Load(); decide != nil && (*decide)(n) {
		return fmt.Errorf("%w: a test says so", store.ErrUnavailable)
	}
	return nil
}

// failing sets which calls fail from now on, counted anew.
func (f *faulty) failing(decide func(n int64) bool) {
	f.calls.Store(0)
	f.fails.Store(&decide)
}

func always(int64) bool { return true }
func never(int64) bool  { return false }

func (f *faulty) Publish(ctx context.Context, key store.Key, p store.Publish) error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.Engine.Publish(ctx, key, p)
}

func (f *faulty) Publications(ctx context.Context, key store.Key) (store.Publications, error) {
	if err := f.fail(); err != nil {
		return store.Publications{}, err
	}
	return f.Engine.Publications(ctx, key)
}

func (f *faulty) Bindings(ctx context.Context, aor string) (store.Registration, error) {
	if err := f.fail(); err != nil {
		return store.Registration{}, err
	}
	return f.Engine.Bindings(ctx, aor)
}

func (f *faulty) UpdateBindings(ctx context.Context, aor string, into []store.Binding, change store.BindingsChange) ([]store.Binding, error) {
	if err := f.fail(); err != nil {
		return nil, err
	}
	return f.Engine.UpdateBindings(ctx, aor, into, change)
}

func (f *faulty) PutSubscription(ctx context.Context, s store.Subscription) error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.Engine.PutSubscription(ctx, s)
}

func (f *faulty) DeleteSubscription(ctx context.Context, key store.Key, id string, fence uint64) error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.Engine.DeleteSubscription(ctx, key, id, fence)
}

func (f *faulty) ClaimSubscription(ctx context.Context, id string) (store.Subscription, error) {
	if err := f.fail(); err != nil {
		return store.Subscription{}, err
	}
	return f.Engine.ClaimSubscription(ctx, id)
}

func (f *faulty) Watchers(ctx context.Context, key store.Key) (store.Watchers, error) {
	if err := f.fail(); err != nil {
		return store.Watchers{}, err
	}
	return f.Engine.Watchers(ctx, key)
}

func (f *faulty) Visit(ctx context.Context, key store.Key, v store.Visit, limit int) error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.Engine.Visit(ctx, key, v, limit)
}

func (f *faulty) Principal(ctx context.Context, aor string) (store.Principal, error) {
	if err := f.fail(); err != nil {
		return store.Principal{}, err
	}
	return f.Engine.Principal(ctx, aor)
}

func (f *faulty) Document(ctx context.Context, aor, name string) (store.Document, error) {
	if err := f.fail(); err != nil {
		return store.Document{}, err
	}
	return f.Engine.Document(ctx, aor, name)
}

func (f *faulty) Ready(ctx context.Context) error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.Engine.Ready(ctx)
}

// Close leaves the engine open where a node is to be started again on it.
func (f *faulty) Close() error {
	if !f.closes {
		return nil
	}
	return f.Engine.Close()
}
