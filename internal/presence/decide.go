package presence

import (
	"context"
	"time"

	"presenced/internal/notifier"
	"presenced/internal/store"
	"presenced/policy"
	"presenced/sip"
	"presenced/sip/event"
)

// Decide is notifier.Package's: what the presentity's access rules, or without
// them the domain's defaults, make of a watcher, as a state and a view (RFC
// 5025 s.3.2.1, RFC 3856 s.6.6.2). The presentity itself sees everything.
func (a *Agent) Decide(ctx context.Context, key store.Key, w sip.Identity) (notifier.Decision, error) {
	d, handling, err := a.decide(ctx, key, w)
	if err == nil {
		a.counts[handling].Add(1)
	}
	return d, err
}

func (a *Agent) decide(ctx context.Context, key store.Key, w sip.Identity) (notifier.Decision, policy.SubHandling, error) {
	watcher := policy.Watcher{URI: w.AOR, Anonymous: w.Anonymous}
	if w.AOR == key.AOR && w.AOR != "" {
		return decision(policy.Permissions{Handling: policy.Allow}, full), policy.Allow, nil
	}
	rules, err := a.rulesOf(ctx, key.AOR)
	if err != nil {
		return notifier.Decision{}, 0, err
	}
	if rules == nil {
		handling := a.defaults.Load().Handling(key.AOR, watcher)
		return decision(policy.Permissions{Handling: handling}, full), handling, nil
	}
	c, err := a.circumstances(ctx, key.AOR, rules)
	if err != nil {
		return notifier.Decision{}, 0, err
	}
	p := rules.Evaluate(watcher, c)
	d := decision(p, viewOf(p))
	if rules.UsesSphere() {
		d.View = inSphere(d.View, c.Sphere)
	}
	return d, p.Handling, nil
}

func (a *Agent) rulesOf(ctx context.Context, presentity string) (*policy.Rules, error) {
	if a.Rules == nil {
		return nil, nil
	}
	return a.Rules.Access(ctx, presentity)
}

// circumstances are what a presentity's rules depend on now. When they change,
// its watchers are reviewed.
func (a *Agent) circumstances(ctx context.Context, presentity string, rules *policy.Rules) (policy.Context, error) {
	now := time.Now()
	until, limited := rules.NextChange(now)
	if !limited && !rules.UsesSphere() {
		return policy.Context{Now: now}, nil
	}
	sphere, known := "", true
	if rules.UsesSphere() {
		if sphere, known = a.reviews.sphere(presentity); !known {
			var err error
			if sphere, err = a.Sphere(ctx, presentity); err != nil {
				return policy.Context{}, err
			}
		}
	}
	return policy.Context{Now: now, Sphere: a.reviews.enter(presentity, sphere, until)}, nil
}

// decision is what a handling means for a subscription; allowed is the view of
// those that are allowed to see.
func decision(p policy.Permissions, allowed string) notifier.Decision {
	switch p.Handling {
	case policy.Allow:
		return notifier.Decision{State: event.Active, View: allowed}
	case policy.PoliteBlock:
		return notifier.Decision{State: event.Active, View: offline}
	case policy.Confirm:
		if p.Silent {
			return notifier.Decision{State: event.Pending, View: silent}
		}
		return notifier.Decision{State: event.Pending, View: pending}
	}
	return notifier.Decision{State: event.Terminated}
}
