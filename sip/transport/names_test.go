package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"presenced/sip"
	"presenced/sip/siptest"
)

// zone is a Resolver. SRV values are "priority weight port target".
type zone struct {
	srv   map[string][]string // by _service._proto.name
	hosts map[string][]string
	delay time.Duration

	mu      sync.Mutex
	queries []string
}

func (z *zone) ask(ctx context.Context, q string) error {
	z.mu.Lock()
	z.queries = append(z.queries, q)
	z.mu.Unlock()
	select {
	case <-time.After(z.delay):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (z *zone) asked() string {
	z.mu.Lock()
	defer z.mu.Unlock()
	s := strings.Join(z.queries, " ")
	z.queries = nil
	return s
}

func (z *zone) LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error) {
	q := "_" + service + "._" + proto + "." + name
	if err := z.ask(ctx, q); err != nil {
		return "", nil, err
	}
	var out []*net.SRV
	for _, s := range z.srv[q] {
		r := new(net.SRV)
		if _, err := fmt.Sscan(s, &r.Priority, &r.Weight, &r.Port, &r.Target); err != nil {
			return "", nil, err
		}
		out = append(out, r)
	}
	if out == nil {
		return "", nil, &net.DNSError{Err: "no such host", Name: q, IsNotFound: true}
	}
	return q, out, nil
}

func (z *zone) LookupNetIP(ctx context.Context, _, host string) ([]netip.Addr, error) {
	if err := z.ask(ctx, host); err != nil {
		return nil, err
	}
	var out []netip.Addr
	for _, s := range z.hosts[host] {
		out = append(out, netip.MustParseAddr(s))
	}
	if out == nil {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return out, nil
}

func newZone() *zone {
	return &zone{
		srv: map[string][]string{
			"_sip._udp.udp.test":   {"20 0 5080 second.test.", "10 0 5070 first.test."},
			"_sip._tcp.udp.test":   {"10 0 5090 first.test."},
			"_sip._tcp.tcp.test":   {"10 0 5090 first.test."},
			"_sips._tcp.tls.test":  {"10 0 5061 First.Test."},
			"_sip._udp.none.test":  {"0 0 0 ."},
			"_sip._udp.half.test":  {"10 0 5070 missing.test.", "20 0 5070 first.test."},
			"_sip._udp.empty.test": {"10 0 5070 missing.test."},
		},
		hosts: map[string][]string{
			"first.test": {"192.0.2.1"}, "second.test": {"192.0.2.2", "2001:db8::2"}, "plain.test": {"::ffff:192.0.2.3", "2001:db8::3"},
			"none.test": {"192.0.2.4"}, "empty.test": {"192.0.2.5"}, "six.test": {"2001:db8::6"}, "tcp.test": {"192.0.2.6"},
		},
	}
}

func newResolving(z Resolver) *Transport {
	t := New(Config{Resolver: z, Receiver: nobody{}})
	t.ServePacket(siptest.NewNetwork().ListenPacket("192.0.2.100:5060"), "")
	return t
}

type nobody struct{}

func (nobody) Receive([]byte, sip.Flow, error) {}

// TestResolve goes through RFC 3263 s.4. The only socket is IPv4's.
func TestResolve(t *testing.T) {
	tests := []struct{ uri, hops, queries string }{
		{"sip:192.0.2.9", "UDP 192.0.2.9:5060", ""},
		{"sip:alice@192.0.2.9:5070", "UDP 192.0.2.9:5070", ""},
		{"sip:192.0.2.9;transport=tcp", "TCP 192.0.2.9:5060", ""},
		{"sip:192.0.2.9;transport=TLS", "TLS 192.0.2.9:5061 192.0.2.9", ""},
		{"sips:192.0.2.9", "TLS 192.0.2.9:5061 192.0.2.9", ""},
		{"sips:192.0.2.9;transport=tcp", "TLS 192.0.2.9:5061 192.0.2.9", ""},
		{"sip:[2001:db8::9];transport=tcp", "TCP [2001:db8::9]:5060", ""},
		{"sip:[2001:db8::9]", "", ""}, // no socket of that family
		{"sip:[::ffff:192.0.2.9]", "UDP 192.0.2.9:5060", ""},
		{"sip:far.test;maddr=192.0.2.9", "UDP 192.0.2.9:5060", ""},
		{"sip:plain.test:5070", "UDP 192.0.2.3:5070", "plain.test"},
		{"sip:plain.test:5070;transport=tcp", "TCP 192.0.2.3:5070, TCP [2001:db8::3]:5070", "plain.test"},
		{"sip:plain.test;transport=tcp", "TCP 192.0.2.3:5060, TCP [2001:db8::3]:5060", "_sip._tcp.plain.test plain.test"},
		{"sip:plain.test", "UDP 192.0.2.3:5060", "_sip._udp.plain.test _sip._tcp.plain.test _sips._tcp.plain.test plain.test"},
		{"sip:udp.test", "UDP 192.0.2.1:5070, UDP 192.0.2.2:5080", "_sip._udp.udp.test first.test second.test"},
		{"sip:UDP.test.", "UDP 192.0.2.1:5070, UDP 192.0.2.2:5080", "_sip._udp.udp.test first.test second.test"},
		{"pres:alice@udp.test", "UDP 192.0.2.1:5070, UDP 192.0.2.2:5080", "_sip._udp.udp.test first.test second.test"},
		{"sip:udp.test;transport=tcp", "TCP 192.0.2.1:5090", "_sip._tcp.udp.test first.test"},
		{"sip:tcp.test", "TCP 192.0.2.1:5090", "_sip._udp.tcp.test _sip._tcp.tcp.test first.test"},
		{"sip:tls.test", "TLS 192.0.2.1:5061 tls.test", "_sip._udp.tls.test _sip._tcp.tls.test _sips._tcp.tls.test first.test"},
		{"sips:tls.test", "TLS 192.0.2.1:5061 tls.test", "_sips._tcp.tls.test first.test"},
		{"sips:tcp.test", "TLS 192.0.2.6:5061 tcp.test", "_sips._tcp.tcp.test tcp.test"},
		{"sip:none.test;transport=udp", "UDP 192.0.2.4:5060", "_sip._udp.none.test none.test"},
		{"sip:half.test", "UDP 192.0.2.1:5070", "_sip._udp.half.test missing.test first.test"},
		{"sip:empty.test;transport=udp", "UDP 192.0.2.5:5060", "_sip._udp.empty.test missing.test empty.test"},
		{"sip:six.test:5060", "", "six.test"},
		{"sip:missing.test:5060", "", "missing.test"},
		{"sip:localhost", "UDP 127.0.0.1:5060", ""},
		{"sips:a@localhost:5071", "TLS 127.0.0.1:5071 localhost, TLS [::1]:5071 localhost", ""},
		{"sip:plain.test;transport=ws", "", ""},
		{"sips:plain.test;transport=udp", "", ""},
		{"tel:+123", "", ""},
	}
	for _, test := range tests {
		t.Run(test.uri, func(t *testing.T) {
			z := newZone()
			tr := newResolving(z)
			defer tr.Close()
			uri, err := sip.ParseURI(test.uri)
			if err != nil {
				t.Fatal(err)
			}
			hops, err := tr.Resolve(t.Context(), uri)
			var got []string
			for _, h := range hops {
				got = append(got, strings.TrimSpace(h.Proto.String()+" "+h.Addr.String()+" "+h.Name))
			}
			if s := strings.Join(got, ", "); s != test.hops {
				t.Errorf("%s, not %s (%v)", s, test.hops, err)
			}
			if (err != nil) != (test.hops == "") || err != nil && !errors.Is(err, ErrUnresolved) {
				t.Error(err)
			}
			if q := z.asked(); q != test.queries {
				t.Error("asked:", q)
			}
		})
	}
}

func TestNamesAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone()
		z.delay = time.Second
		tr := newResolving(z)
		defer tr.Close()
		resolve := func(s string) error {
			uri, err := sip.ParseURI(s)
			if err != nil {
				t.Fatal(err)
			}
			_, err = tr.Resolve(t.Context(), uri)
			return err
		}
		const good, bad = "sip:first.test:1", "sip:missing.test:1"
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() {
				if resolve(good) != nil || resolve(bad) == nil {
					t.Error("wrong answer")
				}
			})
		}
		group.Wait()
		if q := z.asked(); q != "first.test missing.test" {
			t.Error("ten at once asked", q)
		}
		time.Sleep(nameAge - 2*time.Second)
		resolve(good)
		if q := z.asked(); q != "" {
			t.Error("asked again too early:", q)
		}
		time.Sleep(2 * time.Second)
		resolve(good)
		resolve(bad)
		if q := z.asked(); q != "first.test missing.test" {
			t.Error("after the age:", q)
		}
		z.delay = time.Minute
		start := time.Now()
		if err := resolve("sip:slow.test:1"); err == nil || time.Since(start) != nameTimeout {
			t.Error(err, time.Since(start))
		}
		for i := range 2 * maxNames {
			tr.names.mu.Lock()
			tr.names.makeRoom()
			tr.names.answers[question{name: fmt.Sprint(i)}] = &answer{until: time.Now().Add(time.Hour)}
			tr.names.mu.Unlock()
		}
		if len(tr.names.answers) > maxNames {
			t.Error(len(tr.names.answers), "names are kept")
		}
	})
}

func TestCloseEndsQueries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := newZone()
		z.delay = time.Hour
		tr := newResolving(z)
		uri, err := sip.ParseURI("sip:first.test:1")
		if err != nil {
			t.Fatal(err)
		}
		errs := make(chan error)
		go func() {
			_, err := tr.Resolve(context.Background(), uri)
			errs <- err
		}()
		synctest.Wait()
		start := time.Now()
		tr.Close()
		if err := <-errs; err == nil || time.Since(start) != 0 {
			t.Error(err, time.Since(start))
		}
		if _, err := tr.Resolve(t.Context(), uri); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
}

// TestOrder: RFC 2782's shares. Of one priority, the records come first in
// proportion to their weights.
func TestOrder(t *testing.T) {
	records := []*net.SRV{
		{Target: "c", Priority: 2, Weight: 65535}, {Target: ".", Priority: 0},
		{Target: "a", Priority: 1, Weight: 60}, {Target: "b", Priority: 1, Weight: 20},
		{Target: "z", Priority: 1, Weight: 0}, {Target: "d", Priority: 1, Weight: 20},
	}
	first := make(map[string]int)
	for at := range 101 { // every value that the first draw can have
		draws := 0
		sorted := order(records, func(n int) int {
			if draws++; draws == 1 {
				if n != 101 {
					t.Fatalf("drawn from %d", n)
				}
				return at
			}
			return n - 1
		})
		if len(sorted) != 5 || sorted[4].Target != "c" {
			t.Fatal("the other priority is not last")
		}
		seen := make(map[string]bool)
		for _, r := range sorted {
			seen[r.Target] = true
		}
		if len(seen) != 5 {
			t.Fatal("one is missing", seen)
		}
		first[sorted[0].Target]++
	}
	if got := fmt.Sprint(first); got != "map[a:60 b:20 d:20 z:1]" {
		t.Error(got)
	}
	if records[0].Target != "c" {
		t.Error("the cached answer was changed")
	}
}
