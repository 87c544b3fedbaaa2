// Package embedded is the storage engine that needs no server: memory is the
// truth, and files let it outlive the process.
//
// State is sharded by address-of-record (store.Shard); a shard is a mutex, the
// records, and a heap of their deadlines. A write changes memory under the
// shard's lock, appends its record to the log's buffer, lets go of the lock,
// and answers when the buffer was written. No lock is held across a write.
//
// With a Path there are three files in that folder: durable.db (bbolt, synced:
// principals, secrets and documents), state.log (soft state: appended before the answer,
// not synced) and lock. Without a Path everything is in memory alone, durable
// records too.
//
// Time is the monotonic clock of package time, so a wall clock that steps
// changes nothing while the process runs, and tests run in testing/synctest
// bubbles. The log holds deadlines by the wall clock: after a restart those
// decide.
//
// Left out: sharing. One process opens a Path, and it is the only agent:
// Orphans is always empty, and all subscriptions that a start finds in the log
// belong to the agent that starts.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"presenced/internal/store"
)

// Config says where an engine keeps its state. The zero value is an engine in
// memory alone.
type Config struct {
	Path  string           // folder of the files, made if it is not there; "": memory alone
	Agent string           // owner of the subscriptions that this engine claims or finds in its log
	Clock func() time.Time // the wall clock; nil: time.Now
	Log   *slog.Logger     // nil: slog.Default
	// Deferred lets writes of soft state answer before they are in the log;
	// the caller promises to call Flush before it tells anybody of them. Then
	// one write(2) serves all that was done meanwhile. What nobody is told of
	// is written within lingerTime.
	Deferred bool
}

// Engine is an open store. Its methods may be called by many goroutines.
type Engine struct {
	agent  string
	clock  func() time.Time
	logger *slog.Logger
	epoch  time.Time // where monotonic time is counted from
	closed atomic.Bool

	shards  [store.Shards]shard
	feed    *feed
	news    *store.News
	durable durable

	// With a Path only.
	log        *softLog // nil: memory alone
	deferred   bool
	lingering  atomic.Bool // a write of what is deferred is due
	lock       *os.File
	shared     map[string]string // while the log is read
	generation uint64            // of the latest snapshot
	compacting atomic.Bool
	background sync.WaitGroup
}

// Open opens the store of a configuration. A Path that is open elsewhere is
// ErrInUse. A torn or damaged log of soft state is no error, see load; a
// damaged durable.db is.
func Open(c Config) (*Engine, error) {
	return open(c, files{openForAppending, compactFrom})
}

// files is what tests have otherwise.
type files struct {
	open        func(path string) (file, error)
	compactFrom int64
}

func open(c Config, with files) (*Engine, error) {
	e := &Engine{
		agent:  c.Agent,
		clock:  c.Clock,
		logger: c.Log,
		epoch:  time.Now(),
		feed:   newFeed(),
		news:   store.NewNews(),

		deferred: c.Deferred,
	}
	if e.logger == nil {
		e.logger = slog.Default()
	}
	for i := range e.shards {
		e.shards[i].open(e)
	}
	if c.Path == "" {
		e.durable = newMemoryDurable()
		return e, nil
	}
	if err := e.openFiles(c.Path, with); err != nil {
		return nil, err
	}
	for i := range e.shards {
		e.enter(uint8(i)).leave() // what lapsed meanwhile goes; the timer is set
	}
	return e, nil
}

func (e *Engine) openFiles(path string, with files) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("embedded: %w", err)
	}
	lock, err := lockFolder(path)
	if err != nil {
		return err
	}
	disk, err := openDurable(filepath.Join(path, "durable.db"))
	if err != nil {
		return errors.Join(err, lock.Close())
	}
	e.log = &softLog{
		path:        filepath.Join(path, "state.log"),
		open:        with.open,
		logger:      e.logger,
		compactFrom: with.compactFrom,
		grown:       e.compactSoon,
		turn:        make(chan struct{}, 1),
	}
	if err := e.load(); err != nil {
		return errors.Join(err, disk.close(), lock.Close())
	}
	if err := syncFolder(path); err != nil {
		return errors.Join(err, e.log.close(), disk.close(), lock.Close())
	}
	e.durable, e.lock = disk, lock
	return nil
}

// Run blocks until ctx is done. This engine's work hangs on its own timers.
func (e *Engine) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Ready tells whether writes are accepted: nil or ErrUnavailable.
func (e *Engine) Ready(context.Context) error {
	return e.writable()
}

// Stats counts what is stored now.
func (e *Engine) Stats(ctx context.Context) (store.Stats, error) {
	var total store.Stats
	for i := range e.shards {
		sh := e.enter(uint8(i))
		total.Publications += sh.counts.Publications
		total.Subscriptions += sh.counts.Subscriptions
		total.Bindings += sh.counts.Bindings
		sh.leave()
	}
	total.Principals, total.Documents = e.durable.countPrincipals(), e.durable.countDocuments()
	return total, nil
}

// Close stops the engine: what it has answered is stored; calls from now on
// are ErrUnavailable. A second Close does nothing.
func (e *Engine) Close() error {
	if e.closed.Swap(true) {
		return nil
	}
	e.feed.close()
	e.news.Close()
	for i := range e.shards {
		e.shards[i].close()
	}
	if e.log == nil {
		return e.durable.close()
	}
	err := e.log.close()
	e.background.Wait()
	return errors.Join(err, e.durable.close(), e.lock.Close())
}

// writable is nil while writes can be answered.
func (e *Engine) writable() error {
	if e.closed.Load() {
		return fmt.Errorf("%w: closed", store.ErrUnavailable)
	}
	if e.log != nil && e.log.broken.Load() {
		return errBroken
	}
	return nil
}

// instant is one moment by both clocks.
type instant struct {
	mono time.Duration // since the engine's epoch, by the monotonic clock
	wall time.Time
}

func (e *Engine) now() instant {
	now := time.Now()
	in := instant{mono: now.Sub(e.epoch), wall: now}
	if e.clock != nil {
		in.wall = e.clock()
	}
	return in
}

// enter locks a shard, with what is due by now gone from it.
func (e *Engine) enter(number uint8) *shard {
	sh := &e.shards[number]
	sh.mu.Lock()
	sh.now = e.now()
	sh.expire()
	return sh
}

// enterAOR locks the shard of an address-of-record.
func (e *Engine) enterAOR(aor string) *shard {
	return e.enter(store.Shard(aor))
}

// settle lets go of a shard after a write and waits until the write is in the
// log.
func (e *Engine) settle(ctx context.Context, sh *shard, err error) error {
	if err != nil || e.log == nil {
		sh.leave()
		return err
	}
	written := e.log.latest()
	sh.leave()
	if e.deferred {
		e.linger()
		return nil
	}
	return e.log.commit(ctx, written)
}

// lingerTime bounds how long a deferred write that nobody is told of is not in
// the log: a visit, the end of a subscription.
const lingerTime = 50 * time.Millisecond

// linger has what is deferred written though no Flush should follow.
func (e *Engine) linger() {
	if !e.lingering.Load() && e.lingering.CompareAndSwap(false, true) {
		time.AfterFunc(lingerTime, func() {
			e.lingering.Store(false)
			e.Flush()
		})
	}
}

// Flush returns when every write of soft state so far is in the log. Where it
// cannot be written the log keeps it for its retry, and writes from then on
// are ErrUnavailable: only a kill before the retry would lose what was
// answered already.
func (e *Engine) Flush() {
	if e.log == nil {
		return
	}
	// The error is the log's business: it has said so and refuses writes.
	_ = e.log.commit(context.Background(), e.log.latest())
}

// tooLarge is ErrLimit for strings that together make no entry of the log.
func tooLarge(strings ...int) error {
	total := 0
	for _, n := range strings {
		total += n
	}
	if total > maxEntry/2 {
		return fmt.Errorf("%w: %d bytes", store.ErrLimit, total)
	}
	return nil
}
