package redis

import (
	"context"
	"fmt"
	"time"

	"presenced/internal/store"
)

const (
	sweepInterval = time.Second
	clockStep     = time.Second            // how far the server's clock may step back without a change being missed
	sweepOverlap  = 200 * time.Millisecond // what is read again where it did not
	sweepBatch    = 2000                   // entries per shard and sweep
	rotation      = 4                      // shards of which every key is compared in each sweep: all of them within 64 s
	compareKeys   = 8000                   // keys that are looked up together
	compareBatch  = 500                    // of them per script
	compareCalls  = 64                     // scripts per round trip
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
			if f.mark(q.watched, versions[i]) && q.swept {
				f.repaired++
			}
			q.swept = false
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
	var last [store.Shards]swept
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for turn := 0; ; turn += rotation {
		if !f.engine.health.inGrace() {
			f.release()
		}
		if err := f.sweep(ctx, &last); err != nil && ctx.Err() == nil {
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

// swept is what the last sweep of a shard leaves for the next.
type swept struct {
	from  int64     // version from which to read on; 0 before the first
	now   int64     // Redis's clock
	asked time.Time // ours, no later than now
}

// sweep has compared what changed since the last one, whether a hint told it or
// not.
func (f *feed) sweep(ctx context.Context, last *[store.Shards]swept) error {
	calls := make([]call, store.Shards)
	for shard := range calls {
		from := any("+inf")
		if last[shard].from != 0 {
			from = last[shard].from
		}
		calls[shard] = call{keys: []string{f.engine.keys[shard].changes}, own: []any{from, sweepBatch}}
	}
	asked := time.Now()
	answers, err := f.engine.runAll(ctx, sweepScript, calls)
	answered := time.Now()
	for shard, answer := range answers {
		if answer == nil {
			continue
		}
		r := newReply(answer)
		f.engine.born(shard, r.number())
		now, on := r.number(), r.number()
		f.changed(shard, r)
		if r.failed {
			continue
		}
		if on == 0 {
			on = last[shard].readOn(now, answered)
		}
		last[shard] = swept{from: on, now: now, asked: asked}
		f.setSkew(time.UnixMicro(now).Sub(asked))
	}
	return err
}

// readOn is from where a sweep reads on that had everything at now: from there,
// but for an overlap, unless the clock may have stepped back since the sweep
// before. Then what was written in between has versions of before.
func (s swept) readOn(now int64, answered time.Time) int64 {
	if elapsed := answered.Sub(s.asked); micros(now-s.now) < elapsed-sweepOverlap {
		return now - (sweepInterval + clockStep).Microseconds()
	}
	return now - sweepOverlap.Microseconds()
}

func (f *feed) setSkew(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.skew = d
}

// changed takes one shard's changes.
func (f *feed) changed(shard int, r *reply) {
	documents, members := r.list(), r.list()
	for documents.more() {
		f.engine.documents.hint(documents.text(), store.Version(documents.number()))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for members.more() {
		if w := f.watched[shard][members.text()]; w != nil {
			w.swept = true
			f.compare(w)
		}
	}
	r.failed = r.failed || documents.failed || members.failed
}
