package server

import (
	"context"
	"slices"

	"presenced/internal/presence"
	"presenced/internal/rules"
	"presenced/internal/store"
)

// ruleBytes bounds the documents that are kept parsed: some 10,000 with 20
// rules each, or 200,000 presentities without any.
const ruleBytes = 64 << 20

// makeRules makes the rules that are in force, which every node has.
func (s *Server) makeRules() {
	s.rules = rules.New(rules.Config{
		Store: s.engine, Size: ruleBytes, Log: s.log, Changed: s.rulesChanged,
		Operator: func(aor string) bool { return slices.Contains(s.config.Load().Access.Operators, aor) },
		MayHide:  func() bool { return s.config.Load().Access.Hiding },
		Sphere:   func(ctx context.Context, aor string) (string, error) { return s.presence.Sphere(ctx, aor) },
	})
}

// rulesChanged has those decisions made anew that a document bears on. Of two
// empty names it may be any.
func (s *Server) rulesChanged(ctx context.Context, aor, name string) {
	switch name {
	case rules.NameAccess, rules.NameDelegation: // whoever watches the watchers is decided on too
		s.notifier.ReconsiderKey(ctx, store.Key{AOR: aor, Package: presence.Name})
	case rules.NamePresence:
		s.notifier.StateChanged(ctx, store.Key{AOR: aor, Package: presence.Name})
	case rules.NameVisibility:
		s.notifier.VisibilityChanged(ctx, aor)
	case "":
		s.notifier.VisibilityChanged(ctx, "")
		s.notifier.Reconsider(ctx)
		s.notifier.StatesChanged(ctx, presence.Name)
	}
}
