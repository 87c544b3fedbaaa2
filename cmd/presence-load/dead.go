package main

import "fmt"

// The dead are watchers that never answer, as phones whose battery is empty:
// each has a socket of its own, to which the server sends in vain, and they
// stand evenly among the living. They subscribe while they live.

// bury takes the watchers that are to die from the sockets of the others, and
// gives each one of its own.
func (g *generator) bury(want shape) error {
	for i := range g.world.principals {
		g.world.principals[i].link = 0
	}
	if want.dead == 0 {
		return nil
	}
	all := want.presentities * want.watchers
	if want.dead > all {
		return fmt.Errorf("%d of %d watchers cannot be dead", want.dead, all)
	}
	for i := range want.dead {
		link := g.shared + i
		if link == len(g.links) {
			if err := g.open(); err != nil {
				return err
			}
		}
		_, watcher := pair(i*(all/want.dead), want.presentities)
		g.world.grow(int(watcher) + 1)
		g.world.principals[watcher].link = int32(link)
	}
	g.poll = newPoller(g.links)
	return nil
}

// pair is who watches whom by the i-th of all subscriptions: watcher j of
// presentity p is principal p+1+j, so that no pair comes twice.
func pair(i, presentities int) (presentity, watcher int32) {
	presentity = int32(i % presentities)
	return presentity, presentity + 1 + int32(i/presentities)
}

// linkOf is the index of a principal's socket or connection.
func (g *generator) linkOf(number int32) int {
	if own := g.world.principals[number].link; own > 0 {
		return int(own)
	}
	return int(number) % g.shared
}

// kill makes so many watchers fall silent.
func (g *generator) kill(dead int) {
	for i := range g.world.subs {
		if dead == 0 {
			return
		}
		if s := &g.world.subs[i]; s.state == active && g.world.principals[s.watcher].link > 0 {
			g.world.die(s)
			dead--
		}
	}
}

// raise has the dead answer again.
func (g *generator) raise() {
	for i := range g.world.subs {
		if s := &g.world.subs[i]; s.dead {
			s.dead = false
			if s.state == active {
				g.world.principals[s.presentity].watchers++
			}
		}
	}
}
