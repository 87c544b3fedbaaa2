package rules

import (
	"context"
	"time"

	"presenced/policy"
)

// Delegated returns what a delegate may do in a principal's place (RFC 2779
// s.2.3). Both are addresses-of-record. A principal may do everything for
// itself, and so may the domain's operators.
func (c *Cache) Delegated(ctx context.Context, principal, delegate string) (policy.Delegated, error) {
	if delegate == "" {
		return policy.Delegated{}, nil
	}
	if delegate == principal || c.Operator != nil && c.Operator(delegate) {
		return policy.Delegated{Publish: true, Watchers: true, Rules: true}, nil
	}
	d, err := c.Delegation(ctx, principal)
	if d == nil || err != nil {
		return policy.Delegated{}, err
	}
	return d.Of(delegate, c.context(ctx, principal, d)), nil
}

// MayPublish says whether a principal may publish for a presentity.
func (c *Cache) MayPublish(ctx context.Context, principal, presentity string) (bool, error) {
	d, err := c.Delegated(ctx, presentity, principal)
	return d.Publish, err
}

// MayWatchWatchers says whether a principal may see all of a presentity's
// watcher information (RFC 3857 s.4.7.2).
func (c *Cache) MayWatchWatchers(ctx context.Context, principal, presentity string) (bool, error) {
	d, err := c.Delegated(ctx, presentity, principal)
	return d.Watchers, err
}

// MayEditRules says whether a principal may read and write the documents of
// another one.
func (c *Cache) MayEditRules(ctx context.Context, principal, owner string) (bool, error) {
	d, err := c.Delegated(ctx, owner, principal)
	return d.Rules, err
}

// Watching returns how much of it is shown in watcher information that a
// watcher watches a presentity. Where hiding is forbidden, address and status
// are always shown.
func (c *Cache) Watching(ctx context.Context, watcher, presentity string) (policy.Watching, error) {
	v, err := c.Visibility(ctx, watcher)
	if v == nil || err != nil {
		return policy.Shown, err
	}
	watching := v.Of(presentity, c.context(ctx, watcher, v))
	if c.MayHide != nil && !c.MayHide() {
		watching = max(watching, policy.Brief)
	}
	return watching, nil
}

// context is what an owner's rules depend on now. A sphere that cannot be had
// is unknown, and conditions on it are false.
func (c *Cache) context(ctx context.Context, owner string, rules interface{ UsesSphere() bool }) policy.Context {
	now := policy.Context{Now: time.Now()}
	if c.Sphere != nil && rules.UsesSphere() {
		if sphere, err := c.Sphere(ctx, owner); err == nil {
			now.Sphere = sphere
		}
	}
	return now
}
