package notifier

import "sync"

// quota counts subscriptions per watcher, so that one principal cannot fill
// the agent.
type quota struct {
	limit int
	mu    sync.Mutex
	used  map[string]int
}

func (q *quota) init(limit int) { q.limit, q.used = limit, map[string]int{} }

// take counts one more, or says that the limit is reached.
func (q *quota) take(watcher string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.limit > 0 && q.used[watcher] >= q.limit {
		return false
	}
	q.used[watcher]++
	return true
}

func (q *quota) release(watcher string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.used[watcher]--; q.used[watcher] <= 0 {
		delete(q.used, watcher)
	}
}

// count counts one more whatever the limit says: it was admitted before.
func (q *quota) count(watcher string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.used[watcher]++
}
