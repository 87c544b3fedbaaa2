package notifier

import (
	"sync"

	"presenced/sip"
)

// connections knows which subscriptions live on which TCP or TLS connection.
type connections struct {
	mu  sync.Mutex
	all map[uint64]map[*subscription]struct{}
}

func (c *connections) init() { c.all = map[uint64]map[*subscription]struct{}{} }

func (c *connections) add(s *subscription) {
	if s.path.conn == 0 || s.routed {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	set := c.all[s.path.conn]
	if set == nil {
		set = map[*subscription]struct{}{}
		c.all[s.path.conn] = set
	}
	set[s] = struct{}{}
}

func (c *connections) remove(s *subscription) {
	if s.path.conn == 0 || s.routed {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.all[s.path.conn], s)
	if len(c.all[s.path.conn]) == 0 {
		delete(c.all, s.path.conn)
	}
}

func (c *connections) of(conn uint64) []*subscription {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]*subscription, 0, len(c.all[conn]))
	for s := range c.all[conn] {
		list = append(list, s)
	}
	return list
}

// Closed is told that a connection is gone: its subscriptions are kept for the
// grace period, and nothing is sent on any other connection meanwhile.
func (n *Notifier) Closed(flow sip.Flow) {
	for _, s := range n.conns.of(flow.Conn) {
		s.shard.mu.Lock()
		if s.path.flow() == flow {
			n.supersede(s)
			n.suspendNow(s)
		}
		n.unlock(s.shard)
	}
}
