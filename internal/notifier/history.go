package notifier

import (
	"context"
	"time"

	"presenced/internal/store"
	"presenced/sip"
	"presenced/sip/event"
	"presenced/watcherinfo"
)

// Past is one watcher of the recent past: RFC 2778 s.2.5 has fetchers among the
// watchers.
type Past struct {
	Watcher       string        // address-of-record; "" anonymous ones together
	Display       string        // name that it gave itself, "" for none
	Fetches       uint32        // how often it fetched
	Subscriptions uint32        // how many of its subscriptions have ended
	Last          time.Duration // since the last of these
	// Event ended its last subscription; "" where it only fetched.
	Event watcherinfo.Event
}

// WatcherInfo is the full watcherinfo document of who watches key, as viewer
// may see it: what a fetch of key's winfo package brings (RFC 3857 s.4.7.2).
// params are those of the Event field. A viewer without a right to it gets a
// *sip.Error of 403, a key of a package that is not served one of 489.
func (n *Notifier) WatcherInfo(ctx context.Context, key store.Key, viewer sip.Identity, params string) ([]byte, error) {
	list, d, err := n.look(ctx, key, viewer, params)
	if err != nil {
		return nil, err
	}
	return list.Body(d.View).Bytes, nil
}

// History is who has watched or fetched key within Config.Past, the newest
// first. Only who may see all watchers gets it, others a *sip.Error of 403.
func (n *Notifier) History(ctx context.Context, key store.Key, viewer sip.Identity) ([]Past, error) {
	list, d, err := n.look(ctx, key, viewer, "")
	if err != nil {
		return nil, err
	}
	if d.View != viewAll {
		return nil, sip.Errorf(sip.StatusForbidden, "")
	}
	past := make([]Past, 0, len(list.visits))
	for _, v := range list.visits {
		p := Past{v.Watcher, v.Display, v.Fetches, v.Subscriptions, v.Last, ""}
		if v.Subscriptions > 0 {
			p.Event = lastEvent(v)
		}
		past = append(past, p)
	}
	return past, nil
}

// look loads who watches key for a viewer.
func (n *Notifier) look(ctx context.Context, key store.Key, viewer sip.Identity, params string) (*watchers, Decision, error) {
	pkg := n.packages[key.Winfo().Package]
	if pkg == nil {
		return nil, Decision{}, sip.Errorf(sip.StatusBadEvent, "")
	}
	d, err := pkg.ask(ctx, key.Winfo(), viewer, func() string { return params })
	switch {
	case err != nil:
		return nil, d, err
	case d.State != event.Active:
		return nil, d, sip.Errorf(sip.StatusForbidden, "")
	}
	state, err := pkg.State(ctx, key.Winfo())
	if err != nil {
		return nil, d, err
	}
	return state.(*watchers), d, nil
}
