package redis

import "context"

// Moved blocks until another agent has claimed one of our subscriptions.
func (e *Engine) Moved(ctx context.Context) (id string, err error) {
	<-ctx.Done()
	return "", ctx.Err()
}
