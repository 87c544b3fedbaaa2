package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"presenced/internal/store"
)

// checkInterval is how often the servers are asked who they are.
const checkInterval = time.Second

// oldestMajor is the first Redis with sharded publish/subscribe.
const oldestMajor = 7

// health is what is known of the servers.
type health struct {
	durable atomic.Bool  // every master syncs every write
	grace   atomic.Int64 // Unix nanoseconds until which nobody is told of an end
	lost    chan struct{}

	mu     sync.Mutex
	runs   map[string]bool // run_ids of the masters; nil before the first contact
	births [store.Shards]int64
}

func (h *health) inGrace() bool {
	until := h.grace.Load()
	return until != 0 && time.Now().UnixNano() < until
}

// Lost tells that Redis restarted, failed over or was emptied, and may have
// forgotten what this agent stored: the agent puts its subscriptions again.
func (e *Engine) Lost() <-chan struct{} { return e.health.lost }

// loss begins the grace period.
func (e *Engine) loss(reason string) {
	if !e.health.inGrace() {
		e.log.Warn("redis may have lost state; telling nobody of an end for a while", "reason", reason, "grace", e.grace)
	}
	e.health.grace.Store(time.Now().Add(e.grace).UnixNano())
	wake(e.health.lost)
	e.feed.compareAll()
	e.documents.news.TellAll()
}

// born learns the birth of a shard's change index.
func (e *Engine) born(shard int, birth int64) {
	h := &e.health
	h.mu.Lock()
	before := h.births[shard]
	h.births[shard] = birth
	h.mu.Unlock()
	if before != 0 && before != birth {
		e.loss("emptied")
	}
}

// refusal is the error of a Redis that answers and cannot serve.
type refusal struct{ reason string }

func (r *refusal) Error() string { return "redis: " + r.reason }

func (r *refusal) Unwrap() error { return store.ErrUnavailable }

// checkServers asks each master for its run_id, version and syncing.
func (e *Engine) checkServers(ctx context.Context) error {
	masters, err := e.masters(ctx)
	if err != nil {
		return refused(err)
	}
	if len(masters) == 0 {
		return away(errors.New("no master is known"))
	}
	var failed error
	durable := true
	runs := make(map[string]bool, len(masters))
	for _, master := range masters {
		server, err := askServer(ctx, master)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		durable = durable && server.durable
		if server.run != "" {
			runs[server.run] = true
		}
	}
	if failed != nil {
		return failed
	}
	e.health.durable.Store(durable)
	if e.health.other(runs) {
		e.loss("restarted")
	}
	return nil
}

// other remembers the masters' run_ids and says whether one is new.
func (h *health) other(runs map[string]bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	other := false
	for run := range runs {
		other = other || h.runs != nil && !h.runs[run]
	}
	h.runs = runs
	return other
}

// server is what one master says of itself.
type server struct {
	run     string // "" where INFO is forbidden
	durable bool   // false where CONFIG is forbidden
}

func askServer(ctx context.Context, master *goredis.Client) (server, error) {
	pipe := master.Pipeline()
	info := pipe.Info(ctx, "server")
	appendOnly := pipe.ConfigGet(ctx, "appendonly")
	appendSync := pipe.ConfigGet(ctx, "appendfsync")
	// Each command's own error decides: CONFIG may be forbidden where INFO is
	// not. A refused password is an error of none of them.
	if _, err := pipe.Exec(ctx); err != nil && (!isAnswer(err) || info.Err() == nil && info.Val() == "") {
		return server{}, refused(err)
	}
	s := server{
		run:     field(info.Val(), "run_id"),
		durable: appendOnly.Val()["appendonly"] == "yes" && appendSync.Val()["appendfsync"] == "always",
	}
	if err := info.Err(); err != nil && !goredis.HasErrorPrefix(err, "NOPERM") {
		return server{}, refused(err)
	}
	version := field(info.Val(), "redis_version")
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err == nil && n < oldestMajor {
		return server{}, &refusal{reason: fmt.Sprintf("server version %s, %d or newer is needed", version, oldestMajor)}
	}
	return s, nil
}

func isAnswer(err error) bool {
	var answered goredis.Error
	return errors.As(err, &answered)
}

// refused makes a refusal of an answer that no waiting will change.
func refused(err error) error {
	for _, prefix := range []string{"WRONGPASS", "NOAUTH", "ERR AUTH", "ERR invalid password", "ERR This instance has cluster support disabled"} {
		if strings.Contains(err.Error(), prefix) {
			return &refusal{reason: err.Error()}
		}
	}
	return away(err)
}

// field is the value of a line "name:value" in an answer to INFO.
func field(info, name string) string {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// watchServers asks until ctx ends, and logs when Redis goes and comes back.
func (e *Engine) watchServers(ctx context.Context) {
	tick := time.NewTicker(checkInterval)
	defer tick.Stop()
	gone := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := e.checkServers(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !gone:
			e.log.Error("redis does not answer", "error", err)
		case err == nil && gone:
			e.log.Info("redis answers again")
		}
		gone = err != nil
	}
}

// lostState decides about a key without state: nil when there is none, and
// store.ErrLost when it had some that Redis may have lost.
func (e *Engine) lostState(ctx context.Context, shard int, member string) error {
	if !e.feed.had(shard, member) {
		return nil
	}
	if err := e.verify(ctx, shard); err != nil {
		return err
	}
	if e.health.inGrace() {
		return store.ErrLost
	}
	return nil
}

// verify learns whether Redis restarted or the shard was emptied.
func (e *Engine) verify(ctx context.Context, shard int) error {
	answer, err := e.run(ctx, shard, compareScript, []string{e.keys[shard].changes}, e.keys[shard].base)
	if err != nil {
		return err
	}
	e.born(shard, newReply(answer).number())
	return e.checkServers(ctx)
}
