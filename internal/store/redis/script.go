package redis

import (
	"context"
	"crypto/sha1"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"presenced/internal/store"
)

//go:embed scripts/*.lua
var lua embed.FS

// The scripts, one an operation.
var (
	publishScript            = load("common", "publications", "publish")
	readPublicationsScript   = load("common", "publications", "read_publications")
	readBindingsScript       = load("common", "bindings", "read_bindings")
	saveBindingsScript       = load("common", "bindings", "save_bindings")
	putSubscriptionScript    = load("common", "subscriptions", "put_subscription")
	deleteSubscriptionScript = load("common", "subscriptions", "delete_subscription")
	claimSubscriptionScript  = load("common", "subscriptions", "claim_subscription")
	readSubscriptionsScript  = load("common", "subscriptions", "read_subscriptions")
	readWatchersScript       = load("common", "subscriptions", "read_watchers")
	visitScript              = load("common", "visit")
	putDocumentScript        = load("common", "documents", "put_document")
	deleteDocumentScript     = load("common", "documents", "delete_document")
	claimOrphansScript       = load("common", "subscriptions", "claim_orphans")
	expireScript             = load("common", "publications", "bindings", "subscriptions", "expire")
	compareScript            = load("common", "compare")
	sweepScript              = load("common", "sweep")
	leaseScript              = load("common", "lease")
	forgetAgentScript        = load("common", "forget_agent")
	addSecretScript          = load("common", "add_secret")
	readSecretsScript        = load("common", "read_secrets")
)

// script is a Lua script, known to Redis by the hash of its source.
type script struct{ source, hash string }

// load joins embedded files to one script.
func load(names ...string) *script {
	var source []byte
	for _, name := range names {
		part, err := lua.ReadFile("scripts/" + name + ".lua")
		if err != nil {
			panic(err) // a file that go:embed was promised
		}
		source = append(source, part...)
	}
	hash := sha1.Sum(source)
	return &script{source: string(source), hash: hex.EncodeToString(hash[:])}
}

// shardKeys are the keys that every script of a shard needs.
type shardKeys struct {
	base, changes, expiry, counts, principals, hints string
}

func newShardKeys(prefix string, shard int) shardKeys {
	base := fmt.Sprintf("%s:{s%02x}:", prefix, shard)
	return shardKeys{
		base: base, changes: base + "changes", expiry: base + "expiry",
		counts: base + "counts", principals: base + "principals", hints: base + "hints",
	}
}

// noShard is the gate of the keys outside the shards.
const noShard = store.Shards

// reprieve puts off every end in the grace period: it long enough that nothing ends, and short enough to compute with.
const reprieve = 24 * time.Hour

// call is what a script is run with: keys, and arguments after those of
// common.lua.
type call struct {
	keys []string
	own  []any
}

// bySource and byHash are how Redis is told which script to run.
const (
	bySource = "eval"
	byHash   = "evalsha"
)

// command is the call as Redis takes it.
func (e *Engine) command(ctx context.Context, how, script string, c call) *goredis.Cmd {
	late := int64(0)
	if e.health.inGrace() {
		late = reprieve.Microseconds()
	}
	args := make([]any, 0, 5+len(c.keys)+len(c.own))
	args = append(args, how, script, len(c.keys))
	for _, key := range c.keys {
		args = append(args, key)
	}
	args = append(args, e.offset.Load(), late)
	return goredis.NewCmd(ctx, append(args, c.own...)...)
}

// run runs a script on the keys of a shard. Its error is goredis.Nil or
// store.ErrUnavailable with the cause.
func (e *Engine) run(ctx context.Context, shard int, s *script, keys []string, own ...any) (any, error) {
	command := e.command(ctx, byHash, s.hash, call{keys, own})
	err := e.do(ctx, shard, command)
	if goredis.HasErrorPrefix(err, "NOSCRIPT") {
		command = e.command(ctx, bySource, s.source, call{keys, own})
		err = e.do(ctx, shard, command)
	}
	if err != nil {
		return nil, err
	}
	return command.Val(), nil
}

// do makes one command, through the shard's gate and in its line.
func (e *Engine) do(ctx context.Context, shard int, command goredis.Cmder) error {
	gate := e.gate(shard)
	if err := gate.enter(); err != nil {
		return err
	}
	err := e.line(shard).do(ctx, command)
	gate.leave(ctx, err)
	if err != nil && !errors.Is(err, goredis.Nil) {
		return away(err)
	}
	return err
}

// runAll runs a script many times in one round trip (one more for each call
// where Redis does not know the script). With an error come the answers that
// there were; nil stands for the others.
func (e *Engine) runAll(ctx context.Context, s *script, calls []call) ([]any, error) {
	if len(calls) == 0 {
		return nil, nil
	}
	answers := make([]any, len(calls))
	pipe := e.client.Pipeline()
	for _, c := range calls {
		if err := pipe.Process(ctx, e.command(ctx, byHash, s.hash, c)); err != nil {
			return answers, away(err)
		}
	}
	commands, err := pipe.Exec(ctx)
	if len(commands) < len(calls) {
		return answers, away(err)
	}
	var failed error
	for i, command := range commands {
		answer, err := command.(*goredis.Cmd).Result()
		if goredis.HasErrorPrefix(err, "NOSCRIPT") {
			again := e.command(ctx, bySource, s.source, calls[i])
			err = e.client.Process(ctx, again)
			answer = again.Val()
		}
		if err != nil {
			failed = away(err)
			continue
		}
		answers[i] = answer
	}
	return answers, failed
}

func away(err error) error { return fmt.Errorf("%w: %w", store.ErrUnavailable, err) }
