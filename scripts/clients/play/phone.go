package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// account is what a softphone is told.
type account struct {
	user, domain, password string
	transport              string // udp or tcp
	proxyHost              string // where every request goes
	proxyPort              int
	localHost              string // the softphone's own address, where it can be told
	localPort              int    // its own SIP port
	folder                 string // for its configuration, trace and log
	buddy                  string // whom it watches: an address-of-record
}

func (a account) aor() string { return "sip:" + a.user + "@" + a.domain }

// control is how a softphone is driven once it runs. No call waits for the
// network: what happens comes as news to the phone.
type control interface {
	publish(state string) error // open or closed; where the stack is rich, busy or away
	send(to, text string) error // an instant message
	quit() error                // log out and end
}

// stack is one softphone program.
type stack struct {
	presence bool              // publishes and watches; without it, messages only
	rich     bool              // publishes busy and away
	shows    map[string]string // busy and away as it shows them; no entry: as open
	start    func(ctx context.Context, p *phone, drivers string) (control, error)
}

var stacks = map[string]*stack{
	"baresip":  {presence: true, shows: map[string]string{"busy": "busy", "away": "closed"}, start: startBaresip},
	"linphone": {presence: true, rich: true, shows: map[string]string{"busy": "busy", "away": "away"}, start: startDriver("linphone")},
	"purple":   {presence: true, start: startDriver("purple")},
	"twinkle":  {presence: true, start: startTwinkle},
	"rakia":    {presence: false, start: startDriver("rakia")},
}

// phone is a running softphone as its news tell it.
type phone struct {
	account
	stack   *stack
	control control

	mu         sync.Mutex
	changed    chan struct{} // closed and replaced by each piece of news
	registered bool
	sees       map[string]string // address-of-record to open, closed, busy or away
	saw        []string          // what it has seen of anybody
	messages   []string          // received texts
	trouble    error             // the last failure that it reported
	ended      bool              // its process is gone
}

func newPhone(a account, s *stack) *phone {
	return &phone{account: a, stack: s, changed: make(chan struct{}), sees: make(map[string]string)}
}

// news changes what is known of the phone and wakes who waits for it.
func (p *phone) news(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *phone) newsRegistered(yes bool) { p.news(func() { p.registered = yes }) }
func (p *phone) newsSees(aor, basic string) {
	p.news(func() {
		if p.sees[aor] != basic {
			p.sees[aor], p.saw = basic, append(p.saw, basic)
		}
	})
}
func (p *phone) newsMessage(text string)  { p.news(func() { p.messages = append(p.messages, text) }) }
func (p *phone) newsTrouble(reason error) { p.news(func() { p.trouble = reason }) }
func (p *phone) newsEnded()               { p.news(func() { p.ended = true }) }

var errEnded = errors.New("its process ended")

// until waits until holds says yes, for patience at most. It is an error if
// the process ends meanwhile, with what the softphone complained of last.
func (p *phone) until(ctx context.Context, patience time.Duration, what string, holds func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		p.mu.Lock()
		done, ended, trouble, changed := holds(), p.ended, p.trouble, p.changed
		p.mu.Unlock()
		var err error
		switch {
		case done:
			return nil
		case ended:
			err = errEnded
		default:
			select {
			case <-changed:
				continue
			case <-ctx.Done():
				err = fmt.Errorf("not within %v", patience)
			}
		}
		if trouble != nil {
			err = fmt.Errorf("%w; it said: %v", err, trouble)
		}
		return fmt.Errorf("%s: %s: %w", p.user, what, err)
	}
}

func (p *phone) untilRegistered(ctx context.Context) error {
	return p.until(ctx, 30*time.Second, "registers", func() bool { return p.registered })
}

// untilSees waits long enough for libpurple, which subscribes ten seconds
// after its login.
func (p *phone) untilSees(ctx context.Context, aor, basic string) error {
	return p.until(ctx, 25*time.Second, "sees "+aor+" "+basic, func() bool { return p.sees[aor] == basic })
}

func (p *phone) untilGot(ctx context.Context, text string) error {
	what := "gets " + abbreviated(text)
	return p.until(ctx, 10*time.Second, what, func() bool { return slices.Contains(p.messages, text) })
}

func abbreviated(text string) string {
	if len(text) <= 40 {
		return fmt.Sprintf("%q", text)
	}
	return fmt.Sprintf("%d bytes", len(text))
}
