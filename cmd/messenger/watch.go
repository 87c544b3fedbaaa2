package main

import (
	"context"
	"errors"
)

// watch subscribes to a presentity and prints each change until Ctrl-C, or
// until the subscription is ended for good.
func watch(ctx context.Context, a *agent, operands []string) error {
	presentity, err := parsePrincipal(operands[0])
	if err != nil {
		return err
	}
	s := a.newSubscription(presentity)
	a.notified = s.notify
	err = a.keep(ctx, lease{name: "subscription", obtain: s.obtain, again: s.again, ended: s.ended})
	if errors.Is(err, errEnded) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.leave()
}
