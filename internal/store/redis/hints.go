package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"presenced/internal/store"
)

const (
	silence   = time.Second     // then Redis is asked whether it is there
	deafness  = 3 * time.Second // then the connection is given up
	rebuildIn = 100 * time.Millisecond
)

// follow listens to the hints until ctx ends. On any error every connection is
// built anew.
func (f *feed) follow(ctx context.Context) {
	for ctx.Err() == nil {
		err := f.listen(ctx)
		f.mu.Lock()
		f.following = false
		f.mu.Unlock()
		if ctx.Err() != nil {
			return
		}
		f.engine.log.Debug("hints interrupted", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(rebuildIn):
		}
	}
}

// listen subscribes to every shard's channel, with one connection per master,
// and reads until one of them fails.
func (f *feed) listen(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	channels := make(map[*goredis.Client]map[string]int)
	for shard := range f.engine.keys {
		channel := f.engine.keys[shard].hints
		master, err := f.engine.masterOf(ctx, channel)
		if err != nil {
			return err
		}
		if channels[master] == nil {
			channels[master] = make(map[string]int)
		}
		channels[master][channel] = shard
	}
	failed := make(chan error, len(channels))
	var confirmed, readers sync.WaitGroup
	for master, shards := range channels {
		confirmed.Add(1)
		readers.Go(func() {
			failed <- f.listenTo(ctx, master, shards, sync.OnceFunc(confirmed.Done))
			cancel()
		})
	}
	confirmed.Wait()
	if ctx.Err() == nil {
		f.resume(ctx)
	}
	readers.Wait()
	return <-failed
}

// resume repairs what was missed while there were no hints.
func (f *feed) resume(ctx context.Context) {
	if err := f.engine.checkServers(ctx); err != nil {
		f.engine.log.Debug("hints resumed, servers not checked", "error", err)
	}
	f.compareAll()
	f.engine.documents.news.TellAll()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.following = true
}

// listenTo reads the hints of one master. It calls ready when every channel is
// subscribed to, and when it fails before.
func (f *feed) listenTo(ctx context.Context, master *goredis.Client, shards map[string]int, ready func()) error {
	defer ready()
	hints := master.SSubscribe(ctx)
	stop := context.AfterFunc(ctx, func() { closeQuietly(hints) })
	defer func() {
		if stop() {
			closeQuietly(hints)
		}
	}()
	for channel := range shards { // one by one: channels of several slots are refused together
		if err := hints.SSubscribe(ctx, channel); err != nil {
			return err
		}
	}
	subscribed, heard := 0, time.Now()
	for ctx.Err() == nil {
		message, err := hints.ReceiveTimeout(ctx, silence)
		if isTimeout(err) && time.Since(heard) < deafness {
			if err := hints.Ping(ctx); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		heard = time.Now()
		switch m := message.(type) {
		case *goredis.Subscription:
			if m.Kind != "ssubscribe" {
				return fmt.Errorf("redis: %s of %s", m.Kind, m.Channel) // the slot moves to another master
			}
			if subscribed++; subscribed == len(shards) {
				ready()
			}
		case *goredis.Message:
			f.receive(shards[m.Channel], m.Payload)
		}
	}
	return ctx.Err()
}

// closeQuietly closes a subscription that nothing is read from any more.
func closeQuietly(hints *goredis.PubSub) { _ = hints.Close() }

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

// receive takes one hint: "<version> <member>", or ">" and what moves.moved
// takes.
func (f *feed) receive(shard int, payload string) {
	if hint, ok := strings.CutPrefix(payload, ">"); ok {
		f.engine.moves.moved(f.engine.agent, hint)
		return
	}
	number, member, ok := strings.Cut(payload, " ")
	version, err := strconv.ParseUint(number, 10, 64)
	if !ok || err != nil {
		return
	}
	f.engine.documents.hint(member, store.Version(version))
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.hint(shard, member, store.Version(version)) {
		return
	}
	f.hints++
	// A version is at least the time of its change.
	f.lag = max(f.lag, time.Since(time.UnixMicro(int64(version)))+f.skew)
}
