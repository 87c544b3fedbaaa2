package server

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"presenced/internal/store"
)

// metered is an engine whose operations are timed and whose absence is
// counted. What it does not name passes as it is.
type metered struct {
	Engine
	do *operations
}

// operation is what is measured of one; its metrics are looked up once.
type operation struct {
	took prometheus.Observer
	away prometheus.Counter
}

// operations are those that are measured.
type operations struct {
	publish, publications, bindings, updateBindings                            operation
	putSubscription, deleteSubscription, claimSubscription, orphans, principal operation
	watchers, visit, document, putDocument, deleteDocument                     operation
}

func (m *metrics) operations() *operations {
	of := func(name string) operation {
		return operation{m.storeTook.WithLabelValues(name), m.storeErrs.WithLabelValues(name)}
	}
	return &operations{
		publish: of("publish"), publications: of("publications"),
		bindings: of("bindings"), updateBindings: of("update_bindings"),
		putSubscription: of("put_subscription"), deleteSubscription: of("delete_subscription"),
		claimSubscription: of("claim_subscription"), orphans: of("orphans"), principal: of("principal"),
		watchers: of("watchers"), visit: of("visit"),
		document: of("document"), putDocument: of("put_document"), deleteDocument: of("delete_document"),
	}
}

// end is deferred with the time at which the operation began.
func (o *operation) end(start time.Duration, err *error) {
	o.took.Observe((monotonic() - start).Seconds())
	if *err != nil && errors.Is(*err, store.ErrUnavailable) {
		o.away.Inc()
	}
}

func (e metered) Publish(ctx context.Context, key store.Key, p store.Publish) (err error) {
	defer e.do.publish.end(monotonic(), &err)
	return e.Engine.Publish(ctx, key, p)
}

func (e metered) Publications(ctx context.Context, key store.Key) (p store.Publications, err error) {
	defer e.do.publications.end(monotonic(), &err)
	return e.Engine.Publications(ctx, key)
}

func (e metered) Bindings(ctx context.Context, aor string) (r store.Registration, err error) {
	defer e.do.bindings.end(monotonic(), &err)
	return e.Engine.Bindings(ctx, aor)
}

func (e metered) UpdateBindings(ctx context.Context, aor string, into []store.Binding, change store.BindingsChange) (list []store.Binding, err error) {
	defer e.do.updateBindings.end(monotonic(), &err)
	return e.Engine.UpdateBindings(ctx, aor, into, change)
}

func (e metered) PutSubscription(ctx context.Context, s store.Subscription) (err error) {
	defer e.do.putSubscription.end(monotonic(), &err)
	return e.Engine.PutSubscription(ctx, s)
}

func (e metered) DeleteSubscription(ctx context.Context, key store.Key, id string, fence uint64) (err error) {
	defer e.do.deleteSubscription.end(monotonic(), &err)
	return e.Engine.DeleteSubscription(ctx, key, id, fence)
}

func (e metered) ClaimSubscription(ctx context.Context, id string) (s store.Subscription, err error) {
	defer e.do.claimSubscription.end(monotonic(), &err)
	return e.Engine.ClaimSubscription(ctx, id)
}

func (e metered) Orphans(ctx context.Context) (list []store.Subscription, err error) {
	defer e.do.orphans.end(monotonic(), &err)
	return e.Engine.Orphans(ctx)
}

func (e metered) Principal(ctx context.Context, aor string) (p store.Principal, err error) {
	defer e.do.principal.end(monotonic(), &err)
	return e.Engine.Principal(ctx, aor)
}

func (e metered) Watchers(ctx context.Context, key store.Key) (w store.Watchers, err error) {
	defer e.do.watchers.end(monotonic(), &err)
	return e.Engine.Watchers(ctx, key)
}

func (e metered) Visit(ctx context.Context, key store.Key, v store.Visit, limit int) (err error) {
	defer e.do.visit.end(monotonic(), &err)
	return e.Engine.Visit(ctx, key, v, limit)
}

func (e metered) Document(ctx context.Context, aor, name string) (d store.Document, err error) {
	defer e.do.document.end(monotonic(), &err)
	return e.Engine.Document(ctx, aor, name)
}

func (e metered) PutDocument(ctx context.Context, d store.Document, ifMatch string) (err error) {
	defer e.do.putDocument.end(monotonic(), &err)
	return e.Engine.PutDocument(ctx, d, ifMatch)
}

func (e metered) DeleteDocument(ctx context.Context, aor, name, ifMatch string) (err error) {
	defer e.do.deleteDocument.end(monotonic(), &err)
	return e.Engine.DeleteDocument(ctx, aor, name, ifMatch)
}
