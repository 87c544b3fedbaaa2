package transport

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	nameAge     = 30 * time.Second // the library tells no TTL; short, so that a move is seen soon
	nameTimeout = 5 * time.Second  // of one query
	maxNames    = 1024             // queries whose answers are kept
)

// Resolver asks the DNS. *net.Resolver is one.
type Resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// names is a small cache in front of a Resolver. Failures are kept as well: a
// fan-out to a domain without servers must not become a flood of queries.
// Those who ask for the same name at the same time share one query.
type names struct {
	ctx      context.Context // ends queries at Close
	resolver Resolver

	mu      sync.Mutex
	answers map[question]*answer
	work    sync.WaitGroup
}

// question is for SRV records where service is set, else for addresses.
type question struct{ service, proto, name string }

type answer struct {
	done  chan struct{} // closed when the rest is set
	until time.Time     // set under names.mu
	srv   []*net.SRV
	addrs []netip.Addr
	err   error
}

func newNames(ctx context.Context, r Resolver) *names {
	return &names{ctx: ctx, resolver: r, answers: make(map[question]*answer)}
}

// wait returns when no query runs any more, after ctx is done.
func (n *names) wait() {
	n.mu.Lock() // who has seen ctx alive has started its query by now
	n.mu.Unlock()
	n.work.Wait()
}

// services are the SRV records in the order in which they are to be tried.
// A service that is decidedly not there (target ".") has none and no error,
// like one that has no records.
func (n *names) services(ctx context.Context, service, proto, name string) ([]*net.SRV, error) {
	a, err := n.ask(ctx, question{service, proto, name})
	if err != nil {
		return nil, err
	}
	return order(a.srv, rand.IntN), nil
}

func (n *names) addresses(ctx context.Context, name string) ([]netip.Addr, error) {
	// RFC 6761 s.6.3: localhost is never asked for.
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}, nil
	}
	a, err := n.ask(ctx, question{name: name})
	if err != nil {
		return nil, err
	}
	return a.addrs, nil
}

func (n *names) ask(ctx context.Context, q question) (*answer, error) {
	n.mu.Lock()
	if n.ctx.Err() != nil {
		n.mu.Unlock()
		return nil, ErrClosed
	}
	a := n.answers[q]
	if a == nil || !a.until.IsZero() && !time.Now().Before(a.until) {
		n.makeRoom()
		a = &answer{done: make(chan struct{})}
		n.answers[q] = a
		n.work.Go(func() { n.query(q, a) })
	}
	n.mu.Unlock()
	select {
	case <-a.done:
		return a, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// query asks with a time limit of its own: the answer is not only for the one
// who asked first.
func (n *names) query(q question, a *answer) {
	ctx, cancel := context.WithTimeout(n.ctx, nameTimeout)
	defer cancel()
	if q.service != "" {
		_, a.srv, a.err = n.resolver.LookupSRV(ctx, q.service, q.proto, q.name)
		if notFound(a.err) {
			a.err = nil
		}
	} else {
		a.addrs, a.err = n.resolver.LookupNetIP(ctx, "ip", q.name)
		a.addrs = slices.Clone(a.addrs)
		for i := range a.addrs {
			a.addrs[i] = a.addrs[i].Unmap()
		}
	}
	n.mu.Lock()
	a.until = time.Now().Add(nameAge)
	n.mu.Unlock()
	close(a.done)
}

func notFound(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}

// makeRoom drops what is too old and, where that is not enough, something.
func (n *names) makeRoom() {
	if len(n.answers) < maxNames {
		return
	}
	now := time.Now()
	maps.DeleteFunc(n.answers, func(_ question, a *answer) bool {
		return !a.until.IsZero() && !now.Before(a.until)
	})
	for q := range n.answers {
		if len(n.answers) < maxNames {
			return
		}
		delete(n.answers, q)
	}
}

// order sorts SRV records by priority, and by chance within a priority, so
// that each comes first in proportion to its weight (RFC 2782, "Usage
// rules", which RFC 3263 s.4.2 follows). intn is rand.IntN.
func order(records []*net.SRV, intn func(n int) int) []*net.SRV {
	sorted := slices.DeleteFunc(slices.Clone(records), func(r *net.SRV) bool { return r.Target == "." })
	slices.SortStableFunc(sorted, func(a, b *net.SRV) int {
		// Those of weight 0 go first, where the running sum gives them a
		// very small chance.
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(min(a.Weight, 1), min(b.Weight, 1)))
	})
	for start := range sorted {
		rest := sorted[start:]
		same := 1
		sum := int(rest[0].Weight)
		for same < len(rest) && rest[same].Priority == rest[0].Priority {
			sum += int(rest[same].Weight)
			same++
		}
		pick := chosen(rest[:same], intn(sum+1))
		r := rest[pick]
		copy(rest[1:pick+1], rest[:pick])
		rest[0] = r
	}
	return sorted
}

// chosen is the first record whose running sum of weights reaches at.
func chosen(records []*net.SRV, at int) int {
	for i, r := range records {
		if at -= int(r.Weight); at <= 0 {
			return i
		}
	}
	return len(records) - 1
}
