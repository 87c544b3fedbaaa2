package notifier

import (
	"strings"
	"sync"

	"presenced/internal/table"
)

// quota counts subscriptions per watcher, so that one principal cannot fill
// the agent. It also keeps the one copy of each watcher's address-of-record.
type quota struct {
	limit     int // subscriptions
	undecided int // of them, those that nobody has decided on
	mu        sync.Mutex
	used      table.Table[string, account]
}

// account is what a watcher's subscriptions share.
type account struct {
	watcher       string // address-of-record
	subscriptions int32
	undecided     int32 // pending and waiting ones
	filters       int32 // bytes of their filters, packed
}

// maxFilters is how many bytes of filters one watcher has at this agent.
const maxFilters = 512 << 10

func (q *quota) init(limit, undecided int) {
	q.limit, q.undecided, q.used = limit, undecided, table.New(func(a *account) string { return a.watcher })
}

// take counts one more, or says that the limit is reached.
func (q *quota) take(watcher string) (a *account, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if a := q.used.Get(watcher); q.limit > 0 && a != nil && int(a.subscriptions) >= q.limit {
		return nil, false
	}
	return q.more(watcher), true
}

// count counts one more whatever the limit says: it was admitted before.
func (q *quota) count(watcher string) *account {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.more(watcher)
}

func (q *quota) more(watcher string) *account {
	a := q.used.Get(watcher)
	if a == nil {
		a = &account{watcher: strings.Clone(watcher)} // a request need not live on
		q.used.Put(a)
	}
	a.subscriptions++
	return a
}

// admit says whether a may have one more undecided subscription, once it has
// lost those that the new one makes redundant.
func (q *quota) admit(a *account, redundant int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.undecided == 0 || redundant > 0 || int(a.undecided) < q.undecided
}

// weigh notes that one of a's subscriptions was undecided before and is after.
func (q *quota) weigh(a *account, before, after bool) {
	if before == after {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if after {
		a.undecided++
	} else {
		a.undecided--
	}
}

// carries says whether a may have next, in place of before.
func (q *quota) carries(a *account, before, next *terms) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	more := next.weight() - before.weight()
	return more <= 0 || a.filters+more <= maxFilters
}

// carry notes that one of a's subscriptions had the terms before and has next.
func (q *quota) carry(a *account, before, next *terms) {
	if before.weight() == next.weight() {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	a.filters += next.weight() - before.weight()
}

func (q *quota) release(a *account) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if a.subscriptions--; a.subscriptions == 0 {
		q.used.Delete(a.watcher)
	}
}
