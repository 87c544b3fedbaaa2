package notifier

import (
	"time"
	"unique"

	"presenced/sip/event"
	"presenced/watcherinfo"
)

// standing is what the rules have made of the watcher, and how watcher
// information tells it. A few values serve all.
type standing struct {
	Decision
	reason event.Reason // once terminated
	code   code         // before it was terminated
}

// code is a status of RFC 3857 s.4.7.1 with the event that led there, as the
// store keeps it: store.Subscription's Standing.
type code uint16

func codeOf(s watcherinfo.Status, e watcherinfo.Event) code {
	return code(s.Code())<<8 | code(e.Code())
}

// status is Init for the code 0, of a record that an earlier release has put.
func (c code) status() watcherinfo.Status {
	if s := watcherinfo.StatusOf(uint8(c >> 8)); s != "" {
		return s
	}
	return watcherinfo.Init
}

func (c code) event() watcherinfo.Event { return watcherinfo.EventOf(uint8(c)) }

// decided is what a decision other than to refuse leads to.
func (c code) decided(d Decision) code {
	var e watcherinfo.Event
	policy := watcherinfo.Accept
	if d.State == event.Pending {
		policy = watcherinfo.Undecided
	}
	switch status := c.status(); {
	case status == watcherinfo.Init, status == watcherinfo.Active && d.State == event.Pending:
		e = watcherinfo.Subscribe
	case status == watcherinfo.Pending && d.State == event.Active:
		e = watcherinfo.Approved
	default:
		return c
	}
	next, err := watcherinfo.Next(c.status(), e, policy)
	if err != nil {
		return c
	}
	return codeOf(next, e)
}

func (s *subscription) decision() Decision   { return s.standing.Value().Decision }
func (s *subscription) reason() event.Reason { return s.standing.Value().reason }

func (s *subscription) code() code {
	if s.standing == (unique.Handle[standing]{}) {
		return 0
	}
	return s.standing.Value().code
}

// stand gives a subscription that is in no table its standing.
func (s *subscription) stand(d Decision, why event.Reason) {
	c := s.code()
	if d.State != event.Terminated {
		c = c.decided(d)
	}
	s.standing = unique.Make(standing{d, why, c})
}

// undecided says whether the presentity has yet to decide on s.
func (s *subscription) undecided() bool {
	state := s.decision().State
	return state == event.Pending || state == waiting
}

// move gives s another standing, which the store hears of. The shard is
// locked.
func (n *Notifier) move(s *subscription, d Decision, why event.Reason) {
	before := s.undecided()
	s.stand(d, why)
	if s.gone {
		return
	}
	n.watchers.weigh(s.account, before, s.undecided())
	n.setGiveUp(s, n.GiveUp)
	left := s.known.status() == watcherinfo.Waiting // its watcher has: the store knows what comes
	if !s.terminated() && !left && s.code() != s.known {
		n.reserve(s)
	}
}

// setGiveUp has a pending subscription end undecided after a time, unless that
// is set already (RFC 3857 s.4.7.1: the giveup timer).
func (n *Notifier) setGiveUp(s *subscription, after time.Duration) {
	switch pending := s.decision().State == event.Pending; {
	case !pending && s.rare != nil:
		s.giveUp = 0
	case pending && n.GiveUp > 0 && (s.rare == nil || s.giveUp == 0):
		s.rarely().giveUp = max(1, n.now().add(after))
	}
}

// keptFor is how long the store keeps s, which lives for ttl more: a pending
// one can be waiting after that.
func (n *Notifier) keptFor(s *subscription, ttl time.Duration) time.Duration {
	if s.decision().State == event.Pending {
		return ttl + n.GiveUp
	}
	return ttl
}
