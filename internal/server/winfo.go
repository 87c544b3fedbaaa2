package server

import (
	"context"

	"presenced/internal/presence"
	"presenced/internal/rules"
	"presenced/internal/store"
)

// winfoChanged is told of a document that is in force now, and has who is told
// of watchers told anew where the document counts for that. Empty names: any
// may be.
func (s *Server) winfoChanged(ctx context.Context, aor, name string) {
	switch name {
	case rules.NameVisibility:
		s.notifier.VisibilityChanged(ctx, aor)
	case rules.NameDelegation:
		s.notifier.ReconsiderKey(ctx, store.Key{AOR: aor, Package: presence.Name})
	case "":
		s.notifier.VisibilityChanged(ctx, "")
		s.notifier.Reconsider(ctx)
	}
}
