package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"presenced/internal/config"
	"presenced/internal/notifier"
	"presenced/internal/presence"
	"presenced/internal/store"
	"presenced/internal/xcap"
	"presenced/sip"
)

// serveXCAP starts the HTTP API of principals. stop lets requests finish.
func (s *Server) serveXCAP(failed chan<- error) (stop func()) {
	web := newHTTP(s.xcap(s.config.Load()))
	web.ErrorLog = slog.NewLogLogger(s.log.Handler(), slog.LevelDebug) // what strangers can provoke
	for _, l := range s.sockets.xcap {
		go func() {
			if err := ended(web.Serve(l)); err != nil {
				failed <- fmt.Errorf("xcap: %w", err)
			}
		}()
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), drainTime)
		defer cancel()
		if err := web.Shutdown(ctx); err != nil {
			s.log.Info("went down before every HTTP request had ended", "err", err)
			web.Close()
		}
	}
}

// xcapTimeout bounds what one request asks of the store.
const xcapTimeout = 10 * time.Second

func (s *Server) xcap(c *config.Config) http.Handler {
	api := xcap.New(xcap.Config{
		Documents: s.engine, Identifier: s.guard, Local: c.Local, Delegations: s.rules, Changed: s.rules.Invalidate,
		Watchers: s.watching(c), Defaults: s.defaultRules, Observer: s.metrics, Host: believedHost(c), Log: s.log,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), xcapTimeout)
		defer cancel()
		api.ServeHTTP(w, r.WithContext(ctx))
	})
}

// defaultRules are the access rules of a presentity without rules of its own.
func (s *Server) defaultRules() ([]byte, error) {
	c := s.config.Load()
	return accessRules(c).Document(c.Domains...)
}

// watching is who watches presentities, where presence is served.
func (s *Server) watching(c *config.Config) xcap.Watchers {
	if !slices.Contains(c.Services, config.ServicePresence) {
		return nil
	}
	w := presenceWatchers{s.notifier, s.beforeWrite()}
	if w.flush == nil {
		w.flush = func() {}
	}
	return w
}

// presenceWatchers are the notifier's watchers of presence, as HTTP asks for
// them.
type presenceWatchers struct {
	*notifier.Notifier
	flush func() // before anybody is told
}

func (p presenceWatchers) WatcherInfo(ctx context.Context, viewer, aor string) ([]byte, error) {
	defer p.flush()
	return p.Notifier.WatcherInfo(ctx, store.Key{AOR: aor, Package: presence.Name}, sip.Identity{AOR: viewer}, "")
}

func (p presenceWatchers) History(ctx context.Context, viewer, aor string) ([]xcap.Visit, error) {
	defer p.flush()
	past, err := p.Notifier.History(ctx, store.Key{AOR: aor, Package: presence.Name}, sip.Identity{AOR: viewer})
	visits := make([]xcap.Visit, len(past))
	for i, v := range past {
		visits[i] = xcap.Visit{
			Watcher: v.Watcher, DisplayName: v.Display, Fetches: int(v.Fetches), Subscriptions: int(v.Subscriptions),
			Last: v.Last, Event: string(v.Event),
		}
	}
	return visits, err
}

// believedHost says which hosts are this machine where whoever asks is
// believed, so that no page of a foreign name gets in; nil is any.
func believedHost(c *config.Config) func(string) bool {
	if c.Auth.Mode != config.AuthNone || c.Auth.OpenToEveryone {
		return nil
	}
	return func(host string) bool {
		_, err := netip.ParseAddr(host)
		return err == nil || strings.EqualFold(host, "localhost") || c.Local(host)
	}
}
