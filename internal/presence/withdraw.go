package presence

import (
	"context"
	"errors"
	"slices"

	"presenced/internal/store"
)

// Registrations is where inboxes are registered.
type Registrations interface {
	UpdateBindings(ctx context.Context, aor string, into []store.Binding, change store.BindingsChange) ([]store.Binding, error)
}

// withdraw makes ready for the removal of the publication with the entity-tag
// (RFC 3903 s.4.5), which is to leave nothing open behind: neither what it has
// hidden of the same device, nor that its program is registered. A phone that has published, and takes that back, does not want
// to be seen; one that never publishes is seen by its registration, and stays.
//
// COMPAT: linphone that goes offline stays registered
// (the transcript 4479-registration).
func (a *Agent) withdraw(ctx context.Context, key store.Key, tag string) error {
	pubs, err := a.Store.Publications(ctx, key)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(pubs.List, func(p store.Publication) bool { return p.Tag == tag })
	if at < 0 {
		return nil // the store says so in its own words
	}
	left, err := a.withdrawElders(ctx, key, pubs.List, at)
	program := pubs.List[at].UserAgent
	if err != nil || left > 1 && program == "" || a.Registrations == nil {
		return err
	}
	_, err = a.Registrations.UpdateBindings(ctx, key.AOR, nil, withdrawn(program))
	if errors.Is(err, errUnchanged) {
		return nil
	}
	return err
}

var errUnchanged = errors.New("presence: nothing to change")

// withdrawn marks the bindings of a program, and those of which nobody knows
// whether they are its own.
func withdrawn(program string) store.BindingsChange {
	return func(live []store.Binding) ([]store.Binding, error) {
		changed := false
		for i := range live {
			if b := &live[i]; !b.Withdrawn && (b.UserAgent == program || b.UserAgent == "" || program == "") {
				b.Withdrawn, changed = true, true
			}
		}
		if !changed {
			return nil, errUnchanged
		}
		return live, nil
	}
}
