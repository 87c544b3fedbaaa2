package redis

import (
	"context"
	"fmt"
	"time"

	"presenced/internal/store"
)

const (
	sweepInterval = time.Second
	sweepOverlap  = time.Second // how far the server's clock may step back without a change being missed
	sweepBatch    = 2000        // entries per shard and sweep
	rotation      = 4           // shards of which every key is compared in each sweep: all of them within 64 s
	compareKeys   = 8000        // keys that are looked up together
	compareBatch  = 500         // of them per script
	compareCalls  = 64          // scripts per round trip
)

// compareLoop looks up the versions of pending keys until ctx ends.
func (f *feed) compareLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.doubt:
		}
		for ctx.Err() == nil {
			batch := f.takePending()
			if len(batch) == 0 {
				break
			}
			if err := f.compareBatch(ctx, batch); err != nil {
				f.retry(batch)
				select {
				case <-ctx.Done():
				case <-time.After(recheck):
				}
			}
		}
	}
}

// question is a key as it was when its version was asked for.
type question struct {
	*watched
	asked store.Version // have
}

// question is the key as compare.lua takes it.
func (q question) question() string {
	if q.asked == 0 {
		return "+" + q.member
	}
	return q.member
}

func (f *feed) takePending() []question {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := min(len(f.pending), compareKeys)
	batch := make([]question, 0, n)
	for _, w := range f.pending[:n] {
		w.pending = false
		if !w.gone {
			batch = append(batch, question{watched: w, asked: w.have})
		}
	}
	f.pending = f.pending[n:]
	if len(f.pending) == 0 {
		f.pending = nil
	}
	return batch
}

func (f *feed) retry(batch []question) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, q := range batch {
		f.compare(q.watched)
	}
}

// compareBatch asks for the versions and marks what differs.
func (f *feed) compareBatch(ctx context.Context, batch []question) error {
	var byShard [store.Shards][]question
	for _, q := range batch {
		byShard[q.shard] = append(byShard[q.shard], q)
	}
	var calls []call
	var asked [][]question
	for shard, questions := range byShard {
		for len(questions) > 0 {
			n := min(len(questions), compareBatch)
			own := make([]any, 0, 1+n)
			own = append(own, f.engine.keys[shard].base)
			for _, q := range questions[:n] {
				own = append(own, q.question())
			}
			calls = append(calls, call{keys: []string{f.engine.keys[shard].changes}, own: own})
			asked = append(asked, questions[:n])
			questions = questions[n:]
		}
	}
	for len(calls) > 0 {
		n := min(len(calls), compareCalls)
		answers, err := f.engine.runAll(ctx, compareScript, calls[:n])
		if err != nil {
			return err
		}
		for i, answer := range answers {
			if err := f.compared(ctx, asked[i], newReply(answer)); err != nil {
				return err
			}
		}
		calls, asked = calls[n:], asked[n:]
	}
	return nil
}

// compared takes the versions of some keys of one shard.
func (f *feed) compared(ctx context.Context, questions []question, r *reply) error {
	f.engine.born(questions[0].shard, r.number())
	versions := make([]store.Version, len(questions))
	vanished := false
	for i := range questions {
		versions[i] = store.Version(r.number())
		vanished = vanished || versions[i] == 0 && questions[i].asked != 0
	}
	if r.failed {
		return fmt.Errorf("%w: compare", errMalformed)
	}
	// That state is gone may mean that Redis is another: learn it before anybody is told.
	if vanished && !f.engine.health.inGrace() {
		if err := f.engine.checkServers(ctx); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, q := range questions {
		switch {
		case q.gone:
		case q.have != q.asked: // the caller was faster than the answer
			f.compare(q.watched)
		case versions[i] == 0 && q.have != 0 && f.engine.health.inGrace():
			f.hold(q.watched)
		default:
			f.mark(q.watched, versions[i])
		}
	}
	return nil
}

// hold keeps a key back until the grace period is over.
func (f *feed) hold(w *watched) {
	if !w.held {
		w.held = true
		f.held = append(f.held, w)
	}
}

// release has the keys that were held back compared again.
func (f *feed) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range f.held {
		w.held = false
		f.compare(w)
	}
	f.held = nil
}

// sweepLoop reads the change index until ctx ends, and compares the keys of a
// few shards each time.
func (f *feed) sweepLoop(ctx context.Context) {
	var since [store.Shards]int64
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for turn := 0; ; turn += rotation {
		if !f.engine.health.inGrace() {
			f.release()
		}
		if err := f.sweep(ctx, &since); err != nil && ctx.Err() == nil {
			f.engine.log.Debug("change index not read", "error", err)
		}
		f.compareShards(turn)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (f *feed) compareShards(turn int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range rotation {
		for _, w := range f.watched[(turn+i)%store.Shards] {
			f.compare(w)
		}
	}
}

// sweep marks what changed since the last one and no hint told.
func (f *feed) sweep(ctx context.Context, since *[store.Shards]int64) error {
	calls := make([]call, store.Shards)
	for shard := range calls {
		from := any("+inf")
		if since[shard] != 0 {
			from = since[shard]
		}
		calls[shard] = call{keys: []string{f.engine.keys[shard].changes}, own: []any{from, sweepBatch}}
	}
	asked := time.Now()
	answers, err := f.engine.runAll(ctx, sweepScript, calls)
	for shard, answer := range answers {
		if answer == nil {
			continue
		}
		r := newReply(answer)
		f.engine.born(shard, r.number())
		now := r.number()
		if last := f.swept(shard, r, asked, now); len(r.rest) == 0 && !r.failed {
			since[shard] = last
		}
	}
	return err
}

// swept takes one shard's changes and returns from where to read on.
func (f *feed) swept(shard int, r *reply, asked time.Time, now int64) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.skew = time.UnixMicro(now).Sub(asked)
	last, entries := now-sweepOverlap.Microseconds(), 0
	for r.more() {
		member, version := r.text(), r.number()
		entries++
		f.engine.documents.hint(member, store.Version(version))
		if f.hint(shard, member, store.Version(version)) {
			f.repaired++
		}
		if entries == sweepBatch {
			last = version
		}
	}
	return last
}
