package transaction

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"presenced/sip"
)

// incidents writes what should never happen, at most one line a second: a
// flood that provokes it must not fill the disk.
type incidents struct {
	log *slog.Logger

	mu         sync.Mutex
	next       time.Time
	suppressed int
}

// stackLimit bounds the stack in a log line, in bytes.
const stackLimit = 4096

func (i *incidents) report(text string, attrs ...slog.Attr) {
	i.mu.Lock()
	now := time.Now()
	if now.Before(i.next) {
		i.suppressed++
		i.mu.Unlock()
		return
	}
	suppressed := i.suppressed
	i.next, i.suppressed = now.Add(time.Second), 0
	i.mu.Unlock()
	if suppressed > 0 {
		attrs = append(attrs, slog.Int("suppressed", suppressed))
	}
	i.log.LogAttrs(context.Background(), slog.LevelError, text, attrs...)
}

func (l *Layer) panicked(x *exchange, v any) {
	l.counters.panics.Add(1)
	stack := debug.Stack()
	l.incidents.report("handler panicked",
		slog.String("method", x.request.Method()),
		slog.String("panic", fmt.Sprintf("%.512v", v)),
		slog.String("stack", string(stack[:min(len(stack), stackLimit)])))
}

// record logs the outcome of a request: a line at debug, and an error that
// names no response, which is a fault of ours, as an incident.
func (l *Layer) record(ctx context.Context, x *exchange, res *sip.Response, err error) {
	if unexpected(err) {
		l.incidents.report("request failed",
			slog.String("method", x.request.Method()), slog.Any("error", err))
	}
	log := l.config.Log
	if !log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", x.request.Method()),
		slog.Int("code", res.Code),
		slog.String("from", x.request.Flow.Remote.String()),
		slog.Duration("took", l.now()-x.since),
	}
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	log.LogAttrs(ctx, slog.LevelDebug, "request", attrs...)
}

// unexpected is an error that names no answer and is not a client's that left.
func unexpected(err error) bool {
	if err == nil {
		return false
	}
	var refusal *sip.Error
	return !errors.As(err, &refusal) && !errors.Is(err, context.Canceled)
}
