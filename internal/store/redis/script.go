package redis

import (
	"context"
	"embed"
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
	readSubscriptionsScript  = load("common", "read_subscriptions")
	claimOrphansScript       = load("common", "subscriptions", "claim_orphans")
	expireScript             = load("common", "publications", "bindings", "subscriptions", "expire")
	compareScript            = load("common", "compare")
	sweepScript              = load("common", "sweep")
	leaseScript              = load("common", "lease")
	forgetAgentScript        = load("common", "forget_agent")
	addSecretScript          = load("common", "add_secret")
	readSecretsScript        = load("common", "read_secrets")
)

// load joins embedded files to one script.
func load(names ...string) *goredis.Script {
	var source []byte
	for _, name := range names {
		part, err := lua.ReadFile("scripts/" + name + ".lua")
		if err != nil {
			panic(err) // a file that go:embed was promised
		}
		source = append(source, part...)
	}
	return goredis.NewScript(string(source))
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

// arguments puts before a script's own arguments those of common.lua.
func (e *Engine) arguments(own []any) []any {
	late := int64(0)
	if e.health.inGrace() {
		late = reprieve.Microseconds()
	}
	return append([]any{e.offset.Load(), late}, own...)
}

// run runs a script on the keys of a shard. Its error is goredis.Nil or
// store.ErrUnavailable with the cause.
func (e *Engine) run(ctx context.Context, shard int, script *goredis.Script, keys []string, own ...any) (any, error) {
	gate := e.gate(shard)
	if err := gate.enter(); err != nil {
		return nil, err
	}
	reply, err := script.Run(ctx, e.client, keys, e.arguments(own)...).Result()
	gate.leave(ctx, err)
	if err != nil && !errors.Is(err, goredis.Nil) {
		return nil, away(err)
	}
	return reply, err
}

// call is one of several scripts that go out together.
type call struct {
	keys []string
	own  []any
}

// runAll runs a script many times in one round trip (one more for each call
// where Redis does not know the script). With an error come the answers that
// there were; nil stands for the others.
func (e *Engine) runAll(ctx context.Context, script *goredis.Script, calls []call) ([]any, error) {
	if len(calls) == 0 {
		return nil, nil
	}
	answers := make([]any, len(calls))
	pipe := e.client.Pipeline()
	for _, c := range calls {
		script.EvalSha(ctx, pipe, c.keys, e.arguments(c.own)...)
	}
	commands, err := pipe.Exec(ctx)
	if len(commands) < len(calls) {
		return answers, away(err)
	}
	var failed error
	for i, command := range commands {
		answer, err := command.(*goredis.Cmd).Result()
		if goredis.HasErrorPrefix(err, "NOSCRIPT") {
			answer, err = script.Run(ctx, e.client, calls[i].keys, e.arguments(calls[i].own)...).Result()
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
