package redis

import (
	"context"
	"crypto/sha1"
	"embed"
	"encoding/binary"
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
	publishScript            = load("publish_begin", "publish_usual", "common", "publications", "publish")
	readPublicationsScript   = load("clock", "common", "publications", "read_publications")
	readBindingsScript       = load("clock", "common", "bindings", "read_bindings")
	saveBindingsScript       = load("clock", "common", "bindings", "save_bindings")
	putSubscriptionScript    = load("clock", "common", "subscriptions", "put_subscription")
	deleteSubscriptionScript = load("clock", "common", "subscriptions", "delete_subscription")
	claimSubscriptionScript  = load("clock", "common", "subscriptions", "claim_subscription")
	readSubscriptionsScript  = load("clock", "common", "subscriptions", "read_subscriptions")
	readWatchersScript       = load("clock", "common", "subscriptions", "read_watchers")
	visitScript              = load("clock", "common", "visit")
	putDocumentScript        = load("clock", "common", "documents", "put_document")
	deleteDocumentScript     = load("clock", "common", "documents", "delete_document")
	claimOrphansScript       = load("clock", "common", "subscriptions", "claim_orphans")
	expireScript             = load("clock", "common", "publications", "bindings", "subscriptions", "expire")
	compareScript            = load("clock", "common", "compare")
	sweepScript              = load("clock", "common", "sweep")
	leaseScript              = load("clock", "common", "lease")
	forgetAgentScript        = load("clock", "common", "forget_agent")
	addSecretScript          = load("clock", "common", "add_secret")
	readSecretsScript        = load("clock", "common", "read_secrets")
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
// clock.lua.
type call struct {
	keys   []string
	packed []byte // nil, or one argument that begins with packedClock and stands for those of clock.lua
	own    []any
}

// bySource and byHash are how Redis is told which script to run.
const (
	bySource = "eval"
	byHash   = "evalsha"
)

// command is the call as Redis takes it.
func (e *Engine) command(ctx context.Context, how, script string, c call) *goredis.Cmd {
	args := make([]any, 0, 5+len(c.keys)+len(c.own))
	args = append(args, how, script, len(c.keys))
	for _, key := range c.keys {
		args = append(args, key)
	}
	if c.packed != nil {
		args = append(args, c.packed)
	} else {
		args = append(args, e.offset.Load(), e.late())
	}
	return goredis.NewCmd(ctx, append(args, c.own...)...)
}

// late is the reprieve in microseconds.
func (e *Engine) late() int64 {
	if e.health.inGrace() {
		return reprieve.Microseconds()
	}
	return 0
}

// packedClock is what clock.lua has for arguments, as struct.unpack reads it: i8I8, the highest byte first.
func (e *Engine) packedClock(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(e.offset.Load()))
	return binary.BigEndian.AppendUint64(b, uint64(e.late()))
}

// run runs a script on the keys of a shard. Its error is goredis.Nil or
// store.ErrUnavailable with the cause.
func (e *Engine) run(ctx context.Context, shard int, s *script, keys []string, own ...any) (any, error) {
	return e.runCall(ctx, shard, s, call{keys: keys, own: own})
}

func (e *Engine) runCall(ctx context.Context, shard int, s *script, c call) (any, error) {
	command := e.command(ctx, byHash, s.hash, c)
	err := e.do(ctx, shard, command)
	if goredis.HasErrorPrefix(err, "NOSCRIPT") {
		command = e.command(ctx, bySource, s.source, c)
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

// runAll runs a script many times in one round trip, and one more where Redis
// does not know the script. With an error come the answers that there were; nil
// stands for the others.
func (e *Engine) runAll(ctx context.Context, s *script, calls []call) ([]any, error) {
	answers := make([]any, len(calls))
	unknown, err := e.pipeline(ctx, byHash, s.hash, calls, answers)
	if len(unknown) == 0 {
		return answers, err
	}
	again := make([]call, len(unknown))
	for i, at := range unknown {
		again[i] = calls[at]
	}
	late := make([]any, len(again))
	_, failed := e.pipeline(ctx, bySource, s.source, again, late)
	for i, at := range unknown {
		answers[at] = late[i]
	}
	if err == nil {
		err = failed
	}
	return answers, err
}

// pipeline makes calls in one round trip and enters their answers. It returns
// which of them Redis did not know the script of, and the last other error.
func (e *Engine) pipeline(ctx context.Context, how, script string, calls []call, answers []any) (unknown []int, failed error) {
	if len(calls) == 0 {
		return nil, nil
	}
	pipe := e.client.Pipeline()
	for _, c := range calls {
		if err := pipe.Process(ctx, e.command(ctx, how, script, c)); err != nil {
			return nil, away(err)
		}
	}
	commands, err := pipe.Exec(ctx)
	if len(commands) < len(calls) {
		return nil, away(err)
	}
	for i, command := range commands {
		answer, err := command.(*goredis.Cmd).Result()
		switch {
		case goredis.HasErrorPrefix(err, "NOSCRIPT"):
			unknown = append(unknown, i)
		case err != nil:
			failed = away(err)
		default:
			answers[i] = answer
		}
	}
	return unknown, failed
}

func away(err error) error { return fmt.Errorf("%w: %w", store.ErrUnavailable, err) }
