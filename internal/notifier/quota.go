package notifier

import (
	"strings"
	"sync"

	"presenced/internal/table"
)

// quota counts subscriptions per watcher, so that one principal cannot fill
// the agent. It also keeps the one copy of each watcher's address-of-record.
type quota struct {
	limit int
	mu    sync.Mutex
	used  table.Table[string, account]
}

// account is what a watcher's subscriptions share.
type account struct {
	watcher       string // address-of-record
	subscriptions int
}

func (q *quota) init(limit int) {
	q.limit, q.used = limit, table.New(func(a *account) string { return a.watcher })
}

// take counts one more, or says that the limit is reached.
func (q *quota) take(watcher string) (a *account, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if a := q.used.Get(watcher); q.limit > 0 && a != nil && a.subscriptions >= q.limit {
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

func (q *quota) release(a *account) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if a.subscriptions--; a.subscriptions == 0 {
		q.used.Delete(a.watcher)
	}
}
