package transport

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/ipv4"
)

// flooded is a socket with a receive buffer, as the kernel has one.
type flooded struct {
	*fakeSocket
	mu       sync.Mutex
	buffer   []string
	size     int // datagrams
	gate     bool
	noFilter bool
	lost     uint32
	lostOf   map[string]int // by the datagram's first word
}

func (f *flooded) arrive(s string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gate && !strings.HasPrefix(s, "SIP/") || len(f.buffer) == f.size {
		f.lost++
		word, _, _ := strings.Cut(s, " ")
		f.lostOf[word]++
		return
	}
	f.buffer = append(f.buffer, s)
}

func (f *flooded) poll(ms []ipv4.Message) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := min(len(f.buffer), len(ms))
	for i, s := range f.buffer[:n] {
		f.put(&ms[i], s)
	}
	f.buffer = f.buffer[n:]
	return n, nil
}

func (f *flooded) answersOnly(on bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.noFilter {
		return errors.ErrUnsupported
	}
	f.gate = on
	return nil
}

func (f *flooded) dropped() uint32 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lost
}

// ReadBatch waits for the flood's next millisecond.
func (f *flooded) ReadBatch(ms []ipv4.Message, flags int) (int, error) {
	for {
		if n, err := f.poll(ms); n > 0 || err != nil {
			return n, err
		}
		if _, err := f.fakeSocket.ReadBatch(ms, flags); err != nil {
			return 0, err
		}
	}
}

// overload is a node that takes 1 ms for a request, of which it forwards each
// and gets an answer 1 ms later, under requests at a rate.
type overload struct {
	*flooded
	b                *batch
	served, answered int
	latest           time.Duration // an answer's way through our buffers
	longest          time.Duration // a request's
}

const serviceTime = time.Millisecond

func newOverload(noFilter bool) *overload {
	o := &overload{}
	b, f, _ := fakeBatch(func(data []byte, _ func(string) error) {
		word, at, _ := strings.Cut(string(data), " at ")
		sent, err := time.Parse(time.RFC3339Nano, at)
		if err != nil {
			panic(err)
		}
		took := time.Since(sent)
		o.mu.Lock()
		defer o.mu.Unlock()
		if word == "SIP/2.0" {
			o.answered++
			o.latest = max(o.latest, took)
			return
		}
		o.longest = max(o.longest, took)
		o.mu.Unlock()
		time.Sleep(serviceTime)
		o.arrive("SIP/2.0 at " + time.Now().Format(time.RFC3339Nano))
		o.mu.Lock()
		o.served++
	})
	o.flooded = &flooded{fakeSocket: f, size: 300, noFilter: noFilter, lostOf: map[string]int{}}
	o.b, b.conn, b.pressure.ahead = b, o.flooded, o.flooded
	return o
}

// offer has so many requests arrive in each millisecond for a time.
func (o *overload) offer(each int, d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Millisecond) {
		synctest.Wait()
		for range each {
			o.arrive("MESSAGE at " + time.Now().Format(time.RFC3339Nano))
		}
		select {
		case o.reads <- nil: // there is something
		default:
		}
	}
	synctest.Wait()
}

// rest lets a second pass.
func rest() {
	time.Sleep(time.Second)
	synctest.Wait()
}

// At any multiple of the capacity the node serves what it can, each request
// after a wait that is bounded, and loses no answer. When the load goes, it is
// as before at once.
func TestOverload(t *testing.T) {
	for _, noFilter := range []bool{false, true} {
		for _, times := range []int{2, 10} {
			synctest.Test(t, func(t *testing.T) {
				o := newOverload(noFilter)
				go o.b.read()
				o.offer(times, 2*time.Second)
				p := &o.b.pressure
				o.mu.Lock()
				if o.served < 1_900 {
					t.Errorf("%d times the capacity: goodput is %d of 2,000", times, o.served)
				}
				if o.lostOf["SIP/2.0"] > 0 || o.answered < o.served-batchSize {
					t.Errorf("%d times: %d answers lost, %d of %d taken", times, o.lostOf["SIP/2.0"], o.answered, o.served)
				}
				if o.latest > batchSize*serviceTime {
					t.Errorf("%d times: an answer waited %v", times, o.latest)
				}
				// What comes in one turn may stand behind what has to wait already,
				// and so may a receive buffer.
				if most := longestWait + 300*time.Millisecond; o.longest > most {
					t.Errorf("%d times: a request waited %v", times, o.longest)
				}
				o.mu.Unlock()
				rest()
				o.mu.Lock()
				if p.closed || o.gate || p.sheds || p.backlog.len() > 0 || len(o.buffer) > 0 {
					t.Errorf("%d times: a second later the gate is closed (%t), %d wait", times, p.closed, p.backlog.len())
				}
				if shed := o.b.s.t.stats.DatagramsShed.Load(); shed == 0 {
					t.Error("nothing was counted as shed")
				}
				o.longest, o.lostOf = 0, map[string]int{}
				before := o.served
				o.mu.Unlock()
				o.offer(1, 100*time.Millisecond)
				rest()
				if o.served-before != 100 || o.longest > batchSize*serviceTime {
					t.Errorf("%d times: afterwards %d of 100 were served, after up to %v", times, o.served-before, o.longest)
				}
				close(o.reads)
			})
		}
	}
}

// A burst that can be served in time is not cut.
func TestBurstIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOverload(false)
		go o.b.read()
		o.offer(90, time.Millisecond)
		rest()
		if o.served != 90 || o.answered != 90 || o.lost > 0 {
			t.Errorf("%d served, %d answered, %d lost", o.served, o.answered, o.lost)
		}
		close(o.reads)
	})
}
