package embedded

import (
	"context"

	"presenced/internal/store"
)

// Principal is the stored one, or ErrNotFound.
func (e *Engine) Principal(_ context.Context, aor string) (store.Principal, error) {
	return e.durable.principal(aor)
}

// PutPrincipal stores a principal in place of the one with its AOR.
func (e *Engine) PutPrincipal(_ context.Context, p store.Principal) error {
	if err := e.writable(); err != nil {
		return err
	}
	return e.durable.putPrincipal(p)
}

// DeletePrincipal removes a principal, or is ErrNotFound.
func (e *Engine) DeletePrincipal(_ context.Context, aor string) error {
	if err := e.writable(); err != nil {
		return err
	}
	return e.durable.deletePrincipal(aor)
}

// Principals yields every principal, by AOR. yield runs without a lock and may
// call the engine; its error ends the walk.
func (e *Engine) Principals(_ context.Context, yield func(store.Principal) error) error {
	list, err := e.durable.principals()
	if err != nil {
		return err
	}
	for _, p := range list {
		if err := yield(p); err != nil {
			return err
		}
	}
	return nil
}
