// Package redis is the storage engine for several agents over one Redis 7, be
// it one server, a master watched by Sentinels, or a Cluster. It implements
// what the services ask of an engine, by design on the same contract as
// store/embedded; storetest holds both to it.
//
// # Keys
//
// An address-of-record belongs to one of 256 shards. The shard, in
// hexadecimal, is the hash tag of all its keys, so that one script can change
// them as one step, in a Cluster too:
//
//	presenced:{s3f}:pub:<package>:<aor>    hash: m is the list of publications (MessagePack), b<id> a packed body
//	presenced:{s3f}:reg:<aor>              string: the list of bindings (MessagePack)
//	presenced:{s3f}:sub:<id>               string: one packed subscription
//	presenced:{s3f}:watch:<package>:<aor>  set: ids of the subscriptions to a key
//	presenced:{s3f}:agent:<agent>          set: ids of the subscriptions that an agent owns
//	presenced:{s3f}:vis:<package>:<aor>    hash: watcher -> visit (MessagePack)
//	presenced:{s3f}:last:<package>:<aor>   sorted set: watcher -> when it visited last, in us
//	presenced:{s3f}:doc:<name>:<aor>       hash: t is the entity-tag of a document, b its body
//	presenced:{s3f}:changes                sorted set: <package>:<aor>, /<name>:<aor> of documents -> version; "" -> birth of the shard
//	presenced:{s3f}:expiry                 sorted set: pub:..., reg:..., sub:... -> end of the first that ends, in us; vis:... -> end
//	                                       of the last; win:..., doc:... -> end of what changes has of watchers, of a document
//	presenced:{s3f}:counts                 hash: live publications, subscriptions, bindings
//	presenced:{s3f}:principals             hash: aor -> packed hashes of the password
//	presenced:{s3f}:hints                  channel (SPUBLISH): "<version> <package>:<aor>" where somebody subscribes, and where a binding comes or goes; "<version> /<name>:<aor>"; "><agent>\n<id>", who lost a subscription
//	presenced:{agents}:leases              sorted set: agent -> end of its lease, in us
//	presenced:{secret:<name>}:keys         list: packed secrets, newest first
//
// Every operation is one script, embedded from scripts/*.lua, and one round
// trip, which concurrent callers share (line.go; in a Cluster those of a shard
// only). Time is the server's. A version is max(previous+1, microseconds since
// 1970): a replica that is promoted after it lost writes never uses one again.
// The version of what was removed is kept for an hour.
//
// # Loss
//
// Redis away: every operation answers store.ErrUnavailable at once, and nothing
// expires. Redis restarted or emptied (another run_id, another birth of a
// shard): Lost says so, every watched key is compared, nothing ends, and a key
// that had state and has none now is held back from the feed for Config.Grace,
// while reading it answers store.ErrUnavailable. Principals, documents and
// secrets that are lost with it are gone: the first must be imported and the
// second put again, the third cost each client a challenge.
//
// A key that nobody here watches reads as empty at once: there is no memory
// that could answer instead.
//
// Publications, bindings, subscriptions and visits survive what Redis survives.
// Principals and documents are taken only where Redis syncs each write
// (appendonly yes, appendfsync always) or the operator accepts the risk; else
// store.ErrRisk. Removing a principal is always possible. Secrets are exempt.
//
// # Tested
//
// The suite runs on one server and on a Cluster of three masters. Tested too:
// a server that stands still, is killed, comes back with its data or empty, or
// is flushed; a Cluster that loses a master; a fail-over by Sentinel; lost
// hints. Not tested: slots that move between masters under load, replicas in a
// Cluster, TLS, and access lists that forbid commands other than CONFIG.
package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"presenced/internal/store"
)

// Mode is how Redis is run.
type Mode string

// The modes.
const (
	Standalone Mode = "standalone" // one server
	Sentinel   Mode = "sentinel"   // a master that Sentinels choose
	Cluster    Mode = "cluster"    // slots over several masters
)

// Options say where Redis is.
type Options struct {
	Mode     Mode     // "" is Standalone
	Addrs    []string // host:port; Sentinel: of the sentinels; Cluster: of some nodes
	Username string
	Password string
	Master   string // Sentinel: the name of the master
	DB       int    // not in a Cluster
	TLS      *tls.Config
	PoolSize int // connections per server; 0: 64
}

// Config says how to open the engine.
type Config struct {
	Options
	Agent      string        // this agent's name, unique among the agents, the same after a restart; at most 255 bytes
	Prefix     string        // of every key; "" is "presenced"
	Grace      time.Duration // see Loss; 0: 30 s
	Lease      time.Duration // an agent that is not heard of for so long has lost its subscriptions; 0: 10 s
	AcceptRisk bool          // keep principals and documents though a power cut may lose them
	Offset     time.Duration // added to Redis's clock; for tests
	Log        *slog.Logger  // nil: slog.Default
}

const (
	defaultPrefix = "presenced"
	defaultGrace  = 30 * time.Second
	defaultLease  = 10 * time.Second
	defaultPool   = 64
	maxKey        = 1<<16 - 1 // bytes of a key in a packed subscription
)

// Engine is the engine. Its methods may be called by many at once.
type Engine struct {
	client goredis.UniversalClient
	mode   Mode
	agent  string
	prefix string
	grace  time.Duration
	lease  time.Duration
	risk   bool
	log    *slog.Logger

	offset atomic.Int64 // microseconds
	keys   [store.Shards]shardKeys
	gates  [store.Shards + 1]gate // the last one is for keys outside the shards
	lines  [store.Shards + 1]*line

	feed   *feed
	expiry *expiry
	health health
	leases leases
	moves  moves

	documents *documents
	recent    recent

	closing  sync.Once
	closed   chan struct{}
	closeErr error
}

// Open checks the configuration and tries to reach Redis. A Redis that does
// not answer is not an error: Ready tells when it does. One that answers and
// cannot serve, because it is too old or refuses the password, is.
func Open(ctx context.Context, c Config) (*Engine, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	client, err := connect(c.Options, c.Log)
	if err != nil {
		return nil, err
	}
	e := &Engine{
		client: client, mode: c.Mode, agent: c.Agent, prefix: c.Prefix,
		grace: c.Grace, lease: c.Lease, risk: c.AcceptRisk, log: c.Log,
	}
	e.offset.Store(c.Offset.Microseconds())
	for s := range e.keys {
		e.keys[s] = newShardKeys(c.Prefix, s)
	}
	for i := range e.lines {
		e.lines[i] = newLine(client)
	}
	e.feed = newFeed(e)
	e.expiry = newExpiry(e)
	e.documents = newDocuments()
	e.health.lost = make(chan struct{}, 1)
	e.closed = make(chan struct{})
	e.moves.ready = make(chan struct{}, 1)
	e.leases.wake = make(chan struct{}, 1)
	if err := e.meet(ctx); err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return e, nil
}

func (c *Config) complete() error {
	if c.Mode == "" {
		c.Mode = Standalone
	}
	if c.Prefix == "" {
		c.Prefix = defaultPrefix
	}
	if c.Grace == 0 {
		c.Grace = defaultGrace
	}
	if c.Lease == 0 {
		c.Lease = defaultLease
	}
	if c.PoolSize == 0 {
		c.PoolSize = defaultPool
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	switch {
	case c.Agent == "" || len(c.Agent) > 255:
		return fmt.Errorf("redis: the agent's name must have 1 to 255 bytes, not %d", len(c.Agent))
	case strings.ContainsAny(c.Prefix, "{}"):
		return fmt.Errorf("redis: prefix %q has a brace, which would be a hash tag", c.Prefix)
	case len(c.Addrs) == 0:
		return errors.New("redis: no address")
	}
	return nil
}

// meet makes the first contact.
func (e *Engine) meet(ctx context.Context) error {
	err := e.checkServers(ctx)
	if err == nil {
		return nil
	}
	var refused *refusal
	if errors.As(err, &refused) {
		return err
	}
	e.log.Warn("redis does not answer; going on without it", "error", err)
	return nil
}

// Run does what must go on: it ends what is due, follows the hints, repairs
// what they missed, and renews the agent's lease. It blocks until ctx ends and
// then returns nil.
func (e *Engine) Run(ctx context.Context) error {
	var loops sync.WaitGroup
	for _, loop := range []func(context.Context){
		e.expiry.run, e.feed.follow, e.feed.compareLoop, e.feed.sweepLoop, e.heartbeat, e.watchServers,
	} {
		loops.Go(func() { loop(ctx) })
	}
	loops.Wait()
	return nil
}

// Ready is nil when Redis answers.
func (e *Engine) Ready(ctx context.Context) error {
	if err := e.client.Ping(ctx).Err(); err != nil {
		return away(err)
	}
	return nil
}

// SetOffset sets what is added to Redis's clock, for tests. It must be the same
// for all agents on one Redis.
func (e *Engine) SetOffset(d time.Duration) {
	e.offset.Store(d.Microseconds())
	e.recent.clear()
	e.expiry.all()
	wake(e.leases.wake)
}

// Close closes the connections. The lease is not given up: who restarts soon
// finds its subscriptions still its own.
func (e *Engine) Close() error {
	e.closing.Do(func() {
		close(e.closed)
		e.documents.news.Close()
		for _, l := range e.lines {
			l.close()
		}
		e.closeErr = e.client.Close()
	})
	return e.closeErr
}

// wake makes the reader of a channel of capacity 1 look again.
func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
