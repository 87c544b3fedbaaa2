package embedded

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// copying is a snapshot under way: a new log that takes the old one's place.
//
// Shards are copied one by one, each under its own lock, while requests go on.
// From the moment a shard is copied, its entries go to the new log as well as
// to the old one, behind the copy. So the old log is whole until the very
// rename, and the new one is whole at it: whenever the process dies, one of the
// two stands under the name, with all that was answered.
type copying struct {
	generation uint64
	frames     []byte // to be written to the new log; under the log's mu
	spare      []byte // what was written last: the memory of the next frames
	shard      []byte // memory for the copy of a shard
	live       int64  // bytes of the copies, without what came behind them
}

var errClosing = errors.New("the engine is closing")

// compactSoon starts a snapshot in the background unless one runs. The caller
// has the log's turn, so that close either waits for it or forbids it.
func (e *Engine) compactSoon() {
	if e.log.closed || e.compacting.Swap(true) {
		return
	}
	e.background.Go(func() {
		defer e.compacting.Store(false)
		if err := e.compact(); err != nil && !errors.Is(err, errClosing) {
			e.logger.Warn("cannot compact the soft state: the old file stays in use", "file", e.log.path, "error", err)
		}
	})
}

// compact replaces the log with a snapshot of what is live.
func (e *Engine) compact() error {
	l := e.log
	started := time.Now()
	name := l.path + ".new"
	size, next, err := e.copyShards(name)
	if err == nil {
		err = e.switchLog(next, name, size)
	}
	if err == nil {
		e.logger.Debug("soft state compacted", "file", l.path, "bytes", size, "took", time.Since(started))
		return nil
	}
	l.mu.Lock()
	l.copying = nil
	l.mu.Unlock()
	if next != nil {
		err = errors.Join(err, next.Close(), os.Remove(name))
	}
	l.turn <- struct{}{}
	l.base = l.size // not again before it has doubled
	<-l.turn
	return err
}

// copyShards writes the live state of every shard to a new log, and syncs it:
// a power cut after the rename must not leave an empty file.
func (e *Engine) copyShards(name string) (size int64, next file, err error) {
	l := e.log
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return 0, nil, err
	}
	if next, err = l.open(name); err != nil {
		return 0, nil, err
	}
	e.generation++
	l.mu.Lock()
	l.copying = &copying{generation: e.generation, frames: []byte(logMagic)}
	l.mu.Unlock()
	for i := range e.shards {
		if e.closed.Load() {
			return size, next, errClosing
		}
		sh := e.enter(uint8(i))
		sh.copyTo(l, uint8(i), e.generation)
		sh.leave()
		n, err := l.writeCopied(next)
		size += n
		if err != nil {
			return size, next, err
		}
	}
	return size, next, next.Sync()
}

// writeCopied writes to the new log what was gathered for it.
func (l *softLog) writeCopied(next file) (int64, error) {
	l.mu.Lock()
	frames := l.copying.frames
	l.copying.frames = l.copying.spare[:0]
	l.mu.Unlock()
	n, err := next.Write(frames)
	l.copying.spare = frames
	return int64(n), err
}

// switchLog puts the new log in the old one's place. The turn keeps writers
// waiting for one write of what came last and one rename. A batch that fills
// meanwhile is in the new log already, and is written there again.
func (e *Engine) switchLog(next file, name string, size int64) error {
	l := e.log
	n, err := l.writeCopied(next) // without the turn: what came while the file was synced
	if err != nil {
		return err
	}
	size += n
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	if l.closed {
		return errClosing
	}
	l.mu.Lock()
	frames, live := l.copying.frames, l.copying.live
	l.copying = nil
	l.mu.Unlock()
	if _, err := next.Write(frames); err != nil {
		return err
	}
	size += int64(len(frames))
	if err := os.Rename(name, l.path); err != nil {
		return err
	}
	if err := l.file.Close(); err != nil {
		e.logger.Warn("cannot close the old soft state", "file", l.path, "error", err)
	}
	l.file, l.size, l.base = next, size, live
	if l.broken.Load() {
		l.healed() // memory is in the new file, and so is what was kept
	}
	return nil
}

// startLog makes the log that an engine begins with, from what is in memory.
// The caller has the turn.
func (e *Engine) startLog() error {
	l := e.log
	name := l.path + ".new"
	size, next, err := e.copyShards(name)
	l.mu.Lock()
	l.copying = nil
	l.mu.Unlock()
	if err != nil {
		if next != nil {
			err = errors.Join(err, next.Close())
		}
		return fmt.Errorf("embedded: %w", err)
	}
	if err := os.Rename(name, l.path); err != nil {
		return fmt.Errorf("embedded: %w", errors.Join(err, next.Close()))
	}
	l.file, l.size, l.base = next, size, size
	return nil
}

// copyTo gives the shard's whole state to the new log.
func (sh *shard) copyTo(l *softLog, number uint8, generation uint64) {
	frames := sh.appendAll(l.copying.shard[:0], number)
	sh.copied = generation
	l.mu.Lock()
	defer l.mu.Unlock()
	l.copying.frames = append(l.copying.frames, frames...)
	l.copying.shard = frames
	l.copying.live += int64(len(frames))
}

// appendAll appends a frame for each record of the shard.
func (sh *shard) appendAll(b []byte, number uint8) []byte {
	b = appendFrame(b, func(b []byte) []byte { return sh.appendShard(b, number) })
	for r := range sh.resources.All() {
		for _, p := range r.publications {
			b = appendFrame(b, func(b []byte) []byte { return sh.appendPublication(b, p) })
		}
		if len(r.bindings) > 0 {
			b = appendFrame(b, func(b []byte) []byte { return sh.appendBindings(b, r) })
		}
		for _, sub := range r.subscriptions {
			b = appendFrame(b, func(b []byte) []byte { return sh.appendSubscription(b, sub) })
		}
	}
	for all := range sh.visits.All() {
		for _, one := range all.packed.all() {
			b = appendFrame(b, func(b []byte) []byte { return sh.appendVisit(b, all.key, one.read().at(sh.now)) })
		}
	}
	return b
}

// appendFrame appends the entry that write appends, with its header.
func appendFrame(b []byte, write func(b []byte) []byte) []byte {
	start := len(b)
	b = write(append(b, make([]byte, frameHeader)...))
	putHeader(b[start:], b[start+frameHeader:])
	return b
}
