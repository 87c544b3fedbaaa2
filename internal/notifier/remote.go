package notifier

import (
	"net/netip"
	"slices"
	"sync"
)

// remote is a peer of a window while it has places there or somebody waits for
// one. It has windowSize places at most, however many the window has: many
// watchers may be behind one address, a generator or a proxy, whose receive
// buffer holds no more. Peers take turns.
//
// As in the window, a NOTIFY for whose place somebody waits loses it after the
// window's patience, or when others have overtaken it.
type remote struct {
	address netip.AddrPort
	placed  []*delivery // by the time they took their places
	waiting [lanes]queue[*subscription]
	listed  [lanes]bool // it stands in the window's turns
	crowded bool        // it stands in the window's crowded
}

// A NOTIFY that is urgent goes before all that are not.
const (
	urgent = iota
	regular
	lanes
)

// remotes are such as nobody has any more.
var remotes = sync.Pool{New: func() any { return new(remote) }}

// wait has s stand behind the others of its peer. Its shard and the window are
// locked.
func (w *window) wait(s *subscription) {
	var address netip.AddrPort // a route is taken to have one
	if w.key.route == "" {
		address = netip.AddrPortFrom(s.path.addr, s.path.port)
	}
	p := w.recent
	if p == nil || p.address != address {
		if p = w.peers[address]; p == nil {
			p = remotes.Get().(*remote)
			p.address, w.peers[address] = address, p
		}
		w.recent = p
	}
	lane := regular
	if s.urgent {
		lane = urgent
	}
	p.waiting[lane].push(s)
	w.list(p)
}

// list has p stand where it belongs now.
func (w *window) list(p *remote) {
	full := len(p.placed) >= windowSize
	if crowded := full && !p.idle(); crowded != p.crowded {
		p.crowded = crowded
		if crowded {
			w.crowded = append(w.crowded, p)
		} else {
			w.crowded = slices.DeleteFunc(w.crowded, func(q *remote) bool { return q == p })
		}
	}
	if full {
		return
	}
	for lane := range p.waiting {
		if !p.listed[lane] && !p.waiting[lane].empty() {
			p.listed[lane] = true
			w.turns[lane].push(p)
		}
	}
}

// idle tells whether nobody waits for a place.
func (p *remote) idle() bool { return p.waiting[urgent].empty() && p.waiting[regular].empty() }

// next is who gets the next place, and at whom: nobody, where those for whom
// somebody waits have none left.
func (w *window) next() (*subscription, *remote) {
	for lane := range w.turns {
		for !w.turns[lane].empty() {
			p := w.turns[lane].pop()
			if p.listed[lane] = false; len(p.placed) < windowSize {
				return p.waiting[lane].pop(), p
			}
			w.list(p)
		}
	}
	return nil, nil
}

// join gives d the place at p that next has found.
func (w *window) join(p *remote, d *delivery) {
	p.placed, d.peer = append(p.placed, d), p
	w.list(p)
}

// part takes d from its peer's places, after it has left the window's.
func (w *window) part(d *delivery) {
	p := d.peer
	d.peer = nil
	i := slices.Index(p.placed, d)
	p.placed = slices.Delete(p.placed, i, i+1)
	if w.list(p); len(p.placed) > 0 || !p.idle() {
		return
	}
	delete(w.peers, p.address)
	if w.recent == p {
		w.recent = nil
	}
	remotes.Put(p)
}

// relieve takes places from those that are unanswered for too long, at every
// peer for whose places somebody waits.
func (w *window) relieve(now instant) {
	for i := len(w.crowded) - 1; i >= 0; i-- { // who is relieved leaves the list
		for p := w.crowded[i]; p.crowded && p.placed[0].sent.add(w.patience()) <= now; {
			w.leave(p.placed[0])
		}
	}
}

// overtakes has NOTIFYs give way that went to d's peer before d, when enough of
// the later ones are answered: see window.
func (w *window) overtakes(d *delivery) {
	for i := 0; d.peer.placed[i] != d; {
		older := d.peer.placed[i]
		if older.overtaken++; older.overtaken >= overtakenMost {
			w.leave(older)
		} else {
			i++
		}
	}
}
