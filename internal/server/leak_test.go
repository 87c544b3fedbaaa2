package server

import (
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"presenced/sip/siptest"
)

// TestNothingLeaks starts a node, runs a thousand subscriptions from their
// SUBSCRIBE to their end, and stops it. The bubble fails by itself where a
// goroutine is left.
func TestNothingLeaks(t *testing.T) {
	const count = 1000
	round := func() { synctest.Test(t, func(t *testing.T) { subscribeAndEnd(t, count) }) }
	round() // what is made once in a process
	heap := liveHeap()
	round()
	const slack = 256 << 10 // 256 bytes a subscription: a kept one has more
	if now := liveHeap(); now > heap+slack {
		t.Errorf("%d bytes of heap, before %d", now, heap)
	}
}

func liveHeap() uint64 {
	for range 3 { // finalizers and pools take their turns
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func subscribeAndEnd(t *testing.T, count int) {
	network := siptest.NewNetwork()
	n := startNode(t, "", memoryPrefix, network.Host(hostOf(memoryPrefix)), nil)
	w := &crowd{t: t, pc: network.ListenPacket("10.0.0.2:5060"), node: n.addr(), tags: map[string]string{}}
	go w.serve()
	for i := range count {
		w.subscribe(i, 1, 600)
	}
	time.Sleep(time.Second)
	if got := n.subscriptions(); got != count {
		t.Errorf("%d subscriptions, want %d", got, count)
	}
	for i := range count {
		if i%2 == 0 { // the others lapse
			w.subscribe(i, 2, 0)
		}
	}
	time.Sleep(11 * time.Minute)
	w.mu.Lock()
	if w.ended != count {
		t.Errorf("%d were told of their end, want %d", w.ended, count)
	}
	w.mu.Unlock()
	if got := n.subscriptions(); got != 0 {
		t.Errorf("%d subscriptions are left", got)
	}
	if s := n.layer.Stats(); s.Held != 0 || s.Clients != 0 || s.Pending != 0 {
		t.Errorf("transactions are left: %+v", s)
	}
	if s := n.rules.Stats(); s.Entries != 0 {
		t.Errorf("rules are remembered of who has none, and whom nobody watches: %+v", s)
	}
	stats, err := n.engine.Stats(t.Context())
	if err != nil || stats.Subscriptions != 0 {
		t.Errorf("the store has %+v, %v", stats, err)
	}
	n.mustStop(t)
	w.pc.Close()
}

// subscriptions counts those that the node serves.
func (n *node) subscriptions() (count int) {
	for _, states := range n.notifier.Stats() {
		for _, k := range states {
			count += k
		}
	}
	return count
}

// crowd is many watchers behind one socket.
type crowd struct {
	t     *testing.T
	pc    net.PacketConn
	node  netip.AddrPort
	mu    sync.Mutex
	tags  map[string]string // by Call-ID
	ended int
}

func (c *crowd) subscribe(i, cseq, expires int) {
	id, to := fmt.Sprintf("crowd-%d", i), ""
	c.mu.Lock()
	if tag := c.tags[id]; tag != "" {
		to = ";tag=" + tag
	}
	c.mu.Unlock()
	c.send(fmt.Sprintf("SUBSCRIBE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bK%s-%d\r\n"+
		"Max-Forwards: 70\r\nFrom: <sip:w%d@example.com>;tag=1\r\nTo: <sip:bob@example.com>%s\r\nCall-ID: %[1]s\r\nCSeq: %[2]d SUBSCRIBE\r\n"+
		"Contact: <sip:w@10.0.0.2:5060>\r\nEvent: presence\r\nExpires: %[5]d\r\nContent-Length: 0\r\n\r\n", id, cseq, i, to, expires))
	synctest.Wait()
}

func (c *crowd) send(data string) {
	if _, err := c.pc.WriteTo([]byte(data), net.UDPAddrFromAddrPort(c.node)); err != nil {
		c.t.Error(err)
	}
}

func (c *crowd) serve() {
	buffer := make([]byte, 1<<16)
	for {
		k, _, err := c.pc.ReadFrom(buffer)
		if err != nil {
			return
		}
		c.take(string(buffer[:k]))
	}
}

// take keeps the tag of a 200 and answers a NOTIFY.
func (c *crowd) take(data string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var id, tag string
	var answer strings.Builder
	for line := range strings.SplitSeq(data, "\r\n") {
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "Via", "From", "To", "Call-ID", "CSeq":
			answer.WriteString(line + "\r\n")
		}
		switch {
		case name == "Call-ID":
			id = value
		case name == "To":
			_, after, _ := strings.Cut(value, ";tag=")
			tag = after
		case name == "Subscription-State" && strings.HasPrefix(value, "terminated"):
			c.ended++
		}
	}
	if strings.HasPrefix(data, "NOTIFY") {
		c.send("SIP/2.0 200 OK\r\n" + answer.String() + "Content-Length: 0\r\n\r\n")
	} else {
		c.tags[id] = tag
	}
}
