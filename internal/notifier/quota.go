package notifier

import (
	"strings"
	"sync"
)

// quota counts subscriptions per watcher, so that one principal cannot fill
// the agent. It also keeps the one copy of each watcher's address-of-record.
type quota struct {
	limit int
	mu    sync.Mutex
	used  map[string]*account
}

type account struct {
	watcher       string
	subscriptions int
}

func (q *quota) init(limit int) { q.limit, q.used = limit, map[string]*account{} }

// take counts one more, or says that the limit is reached. It returns the
// copy of watcher to keep.
func (q *quota) take(watcher string) (kept string, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if a := q.used[watcher]; q.limit > 0 && a != nil && a.subscriptions >= q.limit {
		return watcher, false
	}
	return q.more(watcher), true
}

// count counts one more whatever the limit says: it was admitted before.
func (q *quota) count(watcher string) (kept string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.more(watcher)
}

func (q *quota) more(watcher string) (kept string) {
	a := q.used[watcher]
	if a == nil {
		a = &account{watcher: strings.Clone(watcher)} // a request need not live on
		q.used[a.watcher] = a
	}
	a.subscriptions++
	return a.watcher
}

func (q *quota) release(watcher string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	a := q.used[watcher]
	if a == nil {
		return
	}
	if a.subscriptions--; a.subscriptions == 0 {
		delete(q.used, watcher)
	}
}
