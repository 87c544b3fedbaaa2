package notifier

import (
	"context"
	"strings"

	"presenced/internal/store"
	"presenced/policy"
	"presenced/sip"
	"presenced/sip/event"
	"presenced/watcherinfo"
)

// template is the template-package "winfo" of RFC 3857, applied to another
// package. Register makes two for each: of the package, and of its winfo.
type template struct {
	notifier *Notifier
	inner    *served
	name     string
	depth    int // 1: of a package, 2: of its winfo
}

const (
	winfoSuffix = ".winfo"
	deepest     = 2 // RFC 3857 s.4.6: no deeper recursion by default
)

// Delegates says who may see a presentity's watchers besides itself.
type Delegates interface {
	// MayWatchWatchers says whether principal may see who watches presentity,
	// both addresses-of-record.
	MayWatchWatchers(ctx context.Context, principal, presentity string) (bool, error)
}

// Visibility is the watchers' word on how much of their watching is shown.
type Visibility interface {
	// Watching is what watcher's rules say for presentity, both
	// addresses-of-record.
	Watching(ctx context.Context, watcher, presentity string) (policy.Watching, error)
}

// ParamPast is the parameter of the Event field with which a subscriber to
// watcher information asks for the recent past too: "presence.winfo;past=true".
// It is our own, and counts only for who may see all watchers.
//
// Fetchers and past watchers are in full documents then, as terminated
// watchers: one for each address, with the event that ended its last
// subscription (timeout: it fetched), and with the seconds since its last visit
// as duration-subscribed. They have ids of their own.
const ParamPast = "past"

// The views of watcher information. What follows the last is the address of a
// watcher that sees its own subscriptions alone.
const (
	viewAll  = "all"
	viewPast = "all and past"
	viewOwn  = "own "
)

// registerTemplates adds the packages that tell of a package's watchers.
func (n *Notifier) registerTemplates(p *served) {
	strict := pace{interval: n.WinfoInterval, burst: 1, strict: true}
	for depth := 1; depth <= deepest; depth++ {
		t := &template{notifier: n, inner: p, name: p.Name() + winfoSuffix, depth: depth}
		p = serve(t, strict)
		n.packages[t.name] = p
	}
}

// tooDeep says whether a package that is not served tells of watchers of one
// that is.
func (n *Notifier) tooDeep(name string) bool {
	for inner, ok := strings.CutSuffix(name, winfoSuffix); ok; inner, ok = strings.CutSuffix(inner, winfoSuffix) {
		if n.packages[inner] != nil {
			return true
		}
	}
	return false
}

// Name is Package's, as the methods below.
func (p *template) Name() string { return p.name }

func (p *template) Types() []string { return winfoTypes }

// Offers is Offering's.
func (p *template) Offers() Offers { return Offers{Filters: true} }

var winfoTypes = []string{watcherinfo.ContentType}

func (p *template) Decide(ctx context.Context, key store.Key, watcher sip.Identity) (Decision, error) {
	return p.DecideWith(ctx, key, watcher, "")
}

// DecideWith is Parametric's. RFC 3857 s.4.6: the principal and its delegates
// see all watchers; who is let in by the package itself sees its own
// subscriptions, a politely blocked one too; the principal alone sees who
// watches its watchers. Nobody waits for a decision.
func (p *template) DecideWith(ctx context.Context, key store.Key, watcher sip.Identity, params string) (Decision, error) {
	refused := Decision{State: event.Terminated}
	all := Decision{event.Active, viewAll}
	if asksPast(params) {
		all.View = viewPast
	}
	switch {
	case watcher.AOR == "" || watcher.Anonymous: // nobody has subscriptions of its own
		return refused, nil
	case watcher.AOR == key.AOR:
		return all, nil
	case p.depth > 1:
		return refused, nil
	}
	if p.notifier.Delegates != nil {
		delegate, err := p.notifier.Delegates.MayWatchWatchers(ctx, watcher.AOR, key.AOR)
		if err != nil {
			return refused, err
		}
		if delegate {
			return all, nil
		}
	}
	inner, _ := key.Inner()
	d, err := p.inner.Decide(ctx, inner, watcher)
	if err != nil || d.State != event.Active {
		return refused, err
	}
	return Decision{event.Active, viewOwn + watcher.AOR}, nil
}

func asksPast(params string) bool {
	for p := range strings.SplitSeq(params, ";") {
		if name, value, _ := strings.Cut(p, "="); name == ParamPast && value != "false" {
			return true
		}
	}
	return false
}

// State is who watches now.
func (p *template) State(ctx context.Context, key store.Key) (State, error) {
	inner, _ := key.Inner()
	stored, err := p.notifier.Store.Watchers(ctx, inner)
	if err != nil {
		return nil, err
	}
	list := &watchers{
		key: inner, version: stored.Version, visits: stored.Visits,
		made: p.notifier.now(), clock: p.notifier.now, rows: make([]row, 0, len(stored.Subscriptions)),
	}
	redundant := redundantOf(stored.Subscriptions)
	for _, r := range stored.Subscriptions {
		if redundant[r.ID] {
			continue
		}
		row := p.notifier.rowOf(r)
		if row.watching, err = p.notifier.watching(ctx, r.Watcher, inner.AOR); err != nil {
			return nil, err
		}
		list.rows = append(list.rows, row)
	}
	if err := p.hideVisits(ctx, list); err != nil {
		return nil, err
	}
	p.notifier.giveUpRedundant(inner, redundant)
	list.arrange()
	return list, nil
}

// watching is how much a watcher lets be seen.
func (n *Notifier) watching(ctx context.Context, watcher, presentity string) (policy.Watching, error) {
	if n.Visibility == nil || watcher == "" {
		return policy.Shown, nil
	}
	return n.Visibility.Watching(ctx, watcher, presentity)
}

// hideVisits takes out the visits of who is not shown with all detail.
func (p *template) hideVisits(ctx context.Context, list *watchers) error {
	shown := list.visits[:0:0]
	for _, v := range list.visits {
		watching, err := p.notifier.watching(ctx, v.Watcher, list.key.AOR)
		if err != nil {
			return err
		}
		for _, e := range v.Ended {
			list.endings = append(list.endings, e)
		}
		if watching == policy.Shown {
			shown = append(shown, v)
		}
	}
	list.visits = shown
	return nil
}
