package server

import (
	"context"
	"errors"
	"time"

	"presenced/internal/store"
)

// metered is an engine whose operations are timed and whose absence is
// counted. What it does not name passes as it is.
type metered struct {
	Engine
	m *metrics
}

// observe is deferred with the time at which the operation began.
func (e metered) observe(operation string, start time.Time, err *error) {
	e.m.storeTook.WithLabelValues(operation).Observe(time.Since(start).Seconds())
	if errors.Is(*err, store.ErrUnavailable) {
		e.m.storeErrs.WithLabelValues(operation).Inc()
	}
}

func (e metered) Publish(ctx context.Context, key store.Key, p store.Publish) (err error) {
	defer e.observe("publish", time.Now(), &err)
	return e.Engine.Publish(ctx, key, p)
}

func (e metered) Publications(ctx context.Context, key store.Key) (p store.Publications, err error) {
	defer e.observe("publications", time.Now(), &err)
	return e.Engine.Publications(ctx, key)
}

func (e metered) Bindings(ctx context.Context, aor string) (r store.Registration, err error) {
	defer e.observe("bindings", time.Now(), &err)
	return e.Engine.Bindings(ctx, aor)
}

func (e metered) SaveBindings(ctx context.Context, aor string, r store.Registration) (v store.Version, err error) {
	defer e.observe("save_bindings", time.Now(), &err)
	return e.Engine.SaveBindings(ctx, aor, r)
}

func (e metered) PutSubscription(ctx context.Context, s store.Subscription) (err error) {
	defer e.observe("put_subscription", time.Now(), &err)
	return e.Engine.PutSubscription(ctx, s)
}

func (e metered) DeleteSubscription(ctx context.Context, key store.Key, id string, fence uint64) (err error) {
	defer e.observe("delete_subscription", time.Now(), &err)
	return e.Engine.DeleteSubscription(ctx, key, id, fence)
}

func (e metered) ClaimSubscription(ctx context.Context, id string) (s store.Subscription, err error) {
	defer e.observe("claim_subscription", time.Now(), &err)
	return e.Engine.ClaimSubscription(ctx, id)
}

func (e metered) Orphans(ctx context.Context) (list []store.Subscription, err error) {
	defer e.observe("orphans", time.Now(), &err)
	return e.Engine.Orphans(ctx)
}

func (e metered) Principal(ctx context.Context, aor string) (p store.Principal, err error) {
	defer e.observe("principal", time.Now(), &err)
	return e.Engine.Principal(ctx, aor)
}
