package redis

import (
	"context"

	"presenced/internal/store"
)

// Document is not there.
func (e *Engine) Document(context.Context, string, string) (store.Document, error) {
	return store.Document{}, store.ErrNotFound
}

// PutDocument is ErrRisk: this engine keeps no documents yet.
func (e *Engine) PutDocument(context.Context, store.Document, string) error { return store.ErrRisk }

// DeleteDocument is ErrNotFound.
func (e *Engine) DeleteDocument(context.Context, string, string, string) error {
	return store.ErrNotFound
}

// DocumentChanged waits until ctx ends.
func (e *Engine) DocumentChanged(ctx context.Context) (aor, name string, err error) {
	<-ctx.Done()
	return "", "", ctx.Err()
}

// Visit is not kept yet.
func (e *Engine) Visit(context.Context, store.Key, store.Visit, int) error { return nil }
