package presence

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// reviews knows the presentities whose watchers are to be decided on anew
// without a change of the rules: when a validity period begins or ends (RFC
// 4745 s.7.4), and when the sphere is another (s.7.3). There is at most one for
// each presentity that has such rules and was asked about lately.
type reviews struct {
	mu    sync.Mutex
	byAOR map[string]*review
	queue reviewQueue
	early chan struct{} // the first of the queue is due sooner than it was
}

type review struct {
	aor    string
	sphere string // in which its watchers are decided on
	at     time.Time
	asked  bool // since the last review: somebody watches, or has fetched
	place  int  // in the queue
}

// reviewPause is how long a presentity stays in reviews after nobody has asked,
// and the longest time between two reviews of one: a clock may be set.
const reviewPause = 15 * time.Minute

func (r *reviews) init() {
	r.byAOR = map[string]*review{}
	r.early = make(chan struct{}, 1)
}

// sphere is the one in which a presentity's watchers are decided on at present.
func (r *reviews) sphere(aor string) (sphere string, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.byAOR[aor]
	if e == nil {
		return "", false
	}
	return e.sphere, true
}

// enter notes a decision in a sphere, which holds until a time; zero is for
// ever. It returns the sphere that is to be decided in: where another decision
// came first, that one's.
func (r *reviews) enter(aor, sphere string, until time.Time) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.byAOR[aor]
	if e == nil {
		e = &review{aor: aor, sphere: sphere, at: time.Now().Add(reviewPause)}
		r.byAOR[aor] = e
		heap.Push(&r.queue, e)
	}
	e.asked = true
	if !until.IsZero() && until.Before(e.at) {
		e.at = until
		heap.Fix(&r.queue, e.place)
	}
	r.hurry(e)
	return e.sphere
}

// shift notes that a presentity is in another sphere than its watchers were
// decided on in: they are reviewed now. It does not block.
func (r *reviews) shift(aor, sphere string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.byAOR[aor]
	switch {
	case e == nil:
		e = &review{aor: aor}
		r.byAOR[aor] = e
		heap.Push(&r.queue, e)
	case e.sphere == sphere && e.at.IsZero():
		return
	}
	e.sphere, e.at, e.asked = sphere, time.Time{}, true
	heap.Fix(&r.queue, e.place)
	r.hurry(e)
}

// hurry wakes run where e is the first to come. It is called with r locked.
func (r *reviews) hurry(e *review) {
	if e.place == 0 {
		select {
		case r.early <- struct{}{}:
		default:
		}
	}
}

// run reviews what is due, until ctx ends.
func (r *reviews) run(ctx context.Context, reconsider func(aor string)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		aor, wait := r.next()
		if aor != "" {
			reconsider(aor)
			continue
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-r.early:
		case <-ctx.Done():
			return
		}
	}
}

// next is a presentity that is due; else how long there is none. Those that
// nobody has asked about are forgotten.
func (r *reviews) next() (aor string, wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	for len(r.queue) > 0 {
		e := r.queue[0]
		if e.at.After(now) {
			return "", e.at.Sub(now)
		}
		if !e.asked {
			heap.Pop(&r.queue)
			delete(r.byAOR, e.aor)
			continue
		}
		e.asked, e.at = false, now.Add(reviewPause)
		heap.Fix(&r.queue, 0)
		return e.aor, 0
	}
	return "", reviewPause
}

// reviewQueue is a heap of reviews by time.
type reviewQueue []*review

func (q reviewQueue) Len() int           { return len(q) }
func (q reviewQueue) Less(i, j int) bool { return q[i].at.Before(q[j].at) }
func (q reviewQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

// Push is heap.Interface's.
func (q *reviewQueue) Push(x any) {
	e := x.(*review)
	e.place = len(*q)
	*q = append(*q, e)
}

// Pop is heap.Interface's.
func (q *reviewQueue) Pop() any {
	old := *q
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return e
}
