package server

import (
	"context"
	"reflect"

	"presenced/internal/config"
)

// Reload takes over what a running agent can: principals, the rules' defaults,
// the log level and the TLS files. No dialog is dropped. It returns the parts
// of next that need a restart; an error changes nothing.
func (s *Server) Reload(ctx context.Context, next *config.Config) (restart []string, err error) {
	if err := s.certificates.load(next.TLS); err != nil {
		return nil, err
	}
	old := s.config.Load()
	s.level.Set(next.Log.Level)
	s.principals.Configure(configuredPrincipals(next))
	s.presence.SetDefaults(accessRules(next))
	if !reflect.DeepEqual(old.Access, next.Access) {
		s.notifier.Reconsider(ctx)
	}
	running := *old // what needs a restart stays as it is
	running.Principals, running.Access, running.TLS, running.Log.Level = next.Principals, next.Access, next.TLS, next.Log.Level
	s.config.Store(&running)
	return old.NeedRestart(next), nil
}
