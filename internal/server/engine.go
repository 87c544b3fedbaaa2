package server

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"

	"presenced/internal/config"
	"presenced/internal/identity"
	"presenced/internal/notifier"
	"presenced/internal/presence"
	"presenced/internal/registrar"
	"presenced/internal/rules"
	"presenced/internal/store"
	"presenced/internal/store/embedded"
	"presenced/internal/store/redis"
	"presenced/internal/xcap"
)

// Engine is all that the services ask of a storage engine.
type Engine interface {
	presence.Publications
	registrar.Registrations
	notifier.Subscriptions
	notifier.Feed
	identity.Principals
	identity.Secrets
	rules.Documents
	xcap.Documents
	PutPrincipal(ctx context.Context, p store.Principal) error
	DeletePrincipal(ctx context.Context, aor string) error
	Principals(ctx context.Context, yield func(store.Principal) error) error
	// Run serves expiry, hints and leases until ctx ends.
	Run(ctx context.Context) error
	// Ready is nil while the engine can be written to.
	Ready(ctx context.Context) error
	Stats(ctx context.Context) (store.Stats, error)
	Close() error
}

var (
	_ Engine = (*embedded.Engine)(nil)
	_ Engine = (*redis.Engine)(nil)
)

// OpenStore opens the engine that the configuration names.
func OpenStore(ctx context.Context, c *config.Config, agent string, log *slog.Logger) (Engine, error) {
	if c.Store.Engine == config.EngineEmbedded {
		return embedded.Open(embedded.Config{Path: c.Store.Path, Agent: agent, Log: log, Deferred: true})
	}
	r := c.Store.Redis
	options := redis.Options{
		Mode: redis.Mode(r.Mode), Addrs: r.Addrs, Username: r.Username, Password: r.Password.Reveal(),
		Master: r.Master, DB: r.DB,
	}
	if r.TLS {
		options.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return redis.Open(ctx, redis.Config{
		Options: options, Agent: agent, Grace: c.Cluster.Grace,
		AcceptRisk: c.Store.AcceptLosingDurableState, Log: log,
	})
}

// agentName is the agent's name in the store, and behind an @ where fellow
// agents reach it. It should be the same after a restart: the configured one;
// one for the only agent of an embedded engine; else the host's with something
// random.
func agentName(c *config.Config, hop string) string {
	name := c.Cluster.Agent
	switch {
	case name != "":
	case c.Store.Engine == config.EngineEmbedded:
		name = "local"
	default:
		host, err := os.Hostname()
		if err != nil {
			host = "agent"
		}
		name = fmt.Sprintf("%.60s-%s", host, rand.Text()[:8])
	}
	return name + "@" + hop
}
