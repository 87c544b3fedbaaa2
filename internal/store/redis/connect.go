package redis

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// With go-redis's defaults a dead master of a Cluster cost 43 s, with these 5 s.
const (
	dialTimeout    = 300 * time.Millisecond
	answerTimeout  = time.Second
	reloadInterval = time.Second
	maxBackoff     = 100 * time.Millisecond
	noRetries      = -1
)

// quiet takes what go-redis says, which repeats itself while Redis is away.
type quiet struct{ log *slog.Logger }

func (q quiet) Printf(ctx context.Context, format string, v ...any) {
	q.log.DebugContext(ctx, "go-redis", "says", fmt.Sprintf(format, v...))
}

var quieten sync.Once

func connect(o Options, log *slog.Logger) (goredis.UniversalClient, error) {
	quieten.Do(func() { goredis.SetLogger(quiet{log}) }) // go-redis has one logger for the process
	switch o.Mode {
	case Standalone:
		return goredis.NewClient(&goredis.Options{
			Addr: o.Addrs[0], Username: o.Username, Password: o.Password, DB: o.DB, TLSConfig: o.TLS,
			PoolSize: o.PoolSize, PoolTimeout: answerTimeout,
			MaxRetries: noRetries, MaxRetryBackoff: maxBackoff,
			DialTimeout: dialTimeout, DialerRetries: 1, ReadTimeout: answerTimeout, WriteTimeout: answerTimeout,
			ContextTimeoutEnabled: true, DisableIdentity: true,
			MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		}), nil
	case Sentinel:
		if o.Master == "" {
			return nil, fmt.Errorf("redis: Sentinel needs the name of the master")
		}
		return goredis.NewFailoverClient(&goredis.FailoverOptions{
			MasterName: o.Master, SentinelAddrs: o.Addrs,
			Username: o.Username, Password: o.Password, DB: o.DB, TLSConfig: o.TLS,
			PoolSize: o.PoolSize, PoolTimeout: answerTimeout,
			MaxRetries: noRetries, MaxRetryBackoff: maxBackoff,
			DialTimeout: dialTimeout, DialerRetries: 1, ReadTimeout: answerTimeout, WriteTimeout: answerTimeout,
			ContextTimeoutEnabled: true, DisableIdentity: true,
		}), nil
	case Cluster:
		return goredis.NewClusterClient(&goredis.ClusterOptions{
			Addrs: o.Addrs, Username: o.Username, Password: o.Password, TLSConfig: o.TLS,
			PoolSize: o.PoolSize, PoolTimeout: answerTimeout,
			MaxRetryBackoff: maxBackoff, ClusterStateReloadInterval: reloadInterval,
			DialTimeout: dialTimeout, DialerRetries: 1, ReadTimeout: answerTimeout, WriteTimeout: answerTimeout,
			ContextTimeoutEnabled: true, DisableIdentity: true,
			MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		}), nil
	}
	return nil, fmt.Errorf("redis: unknown mode %q", o.Mode)
}

// masters are the clients of the servers that hold the shards: one, or a
// Cluster's masters.
func (e *Engine) masters(ctx context.Context) ([]*goredis.Client, error) {
	switch c := e.client.(type) {
	case *goredis.Client:
		return []*goredis.Client{c}, nil
	case *goredis.ClusterClient:
		var mu sync.Mutex
		var list []*goredis.Client
		err := c.ForEachMaster(ctx, func(_ context.Context, master *goredis.Client) error {
			mu.Lock()
			defer mu.Unlock()
			list = append(list, master)
			return nil
		})
		return list, err
	}
	return nil, fmt.Errorf("redis: no masters of a %T", e.client)
}

// masterOf is the client of the server that holds a key.
func (e *Engine) masterOf(ctx context.Context, key string) (*goredis.Client, error) {
	switch c := e.client.(type) {
	case *goredis.Client:
		return c, nil
	case *goredis.ClusterClient:
		return c.MasterForKey(ctx, key)
	}
	return nil, fmt.Errorf("redis: no master of a %T", e.client)
}
