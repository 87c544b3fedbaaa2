package transaction

import (
	"context"
	"errors"

	"presenced/sip"
)

// serve runs x's handler and sends what it returns, now or later.
func (l *Layer) serve(x *exchange) {
	if l.ctx.Err() != nil {
		l.shardOf(x.key).settle(x)
		l.leave(x)
		return
	}
	res, err := l.handle(l.patience.context(l.ctx), x)
	if err == nil && res != nil && res.Later != nil {
		res.Later(func(res *sip.Response, err error) { l.finish(x, res, err) })
		return
	}
	l.finish(x, res, err)
}

// finish sends a handler's outcome.
func (l *Layer) finish(x *exchange, res *sip.Response, err error) {
	defer l.leave(x)
	final := sip.ResponseOf(res, err)
	if !final.Silent && (final.Code < 200 || final.Code > 699) {
		err = errors.Join(err, errNotFinal)
		final = &sip.Response{Code: sip.StatusInternalServerError}
	}
	l.record(l.ctx, x, final, err)
	l.answer(x, final)
	if final.After != nil {
		l.after(x, final.After)
	}
}

// leave gives x's memory back, though a timer's queue may still point to x.
// An ordered request is nobody's any more: who waits for others, and may keep
// it, has no order.
func (l *Layer) leave(x *exchange) {
	r := x.request
	x.request = nil
	if x.ordered {
		r.Recycle()
		if x.lent != nil {
			x.lent.wipe()
			x.lent = nil
		}
		l.counters.pending.Add(-1)
		return
	}
	l.counters.unordered.Add(-1)
}

// handle calls the handler. A panic in it is a 500 to the peer and costs
// nobody else anything.
func (l *Layer) handle(ctx context.Context, x *exchange) (res *sip.Response, err error) {
	defer func() {
		if v := recover(); v != nil {
			l.panicked(x, v)
			res, err = &sip.Response{Code: sip.StatusInternalServerError}, nil
		}
	}()
	return l.config.Handler.ServeSIP(ctx, x.request)
}

var errNotFinal = errors.New("transaction: the handler's response is not a final one")

func (l *Layer) after(x *exchange, f func()) {
	defer func() {
		if v := recover(); v != nil {
			l.panicked(x, v)
		}
	}()
	f()
}
