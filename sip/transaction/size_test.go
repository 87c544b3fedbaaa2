package transaction

import (
	"context"
	"errors"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"presenced/sip"
	"presenced/sip/transport"
)

// tcpTo gives a transport whose TCP connects after a while, or hangs.
func tcpTo(f *fake, dials *atomic.Int32, after time.Duration) {
	f.connect = func(ctx context.Context, hop transport.Hop) (sip.Flow, error) {
		dials.Add(1)
		select {
		case <-ctx.Done():
			return sip.Flow{}, ctx.Err()
		case <-time.After(after):
		}
		return sip.Flow{Proto: sip.TCP, Local: local, Remote: hop.Addr, Conn: 9}, nil
	}
}

func TestLargeRequestGoesByTCP(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, f *fake, l *Layer) {
		var dials atomic.Int32
		tcpTo(f, &dials, 100*time.Millisecond)
		u := new(told)
		l.Send(large(udp, 1300), u)
		time.Sleep(200 * time.Millisecond)
		p := f.packets()
		want(t, "protocol", p[0].flow.Proto, sip.TCP)
		contains(t, p[0].text, "Via: SIP/2.0/TCP ")
		l.Receive(answerTo(p[0].text, 200), p[0].flow, nil)
		want(t, "heard", u.String(), "answered 200")

		l.Send(large(udp, 100_000), u)
		time.Sleep(200 * time.Millisecond)
		want(t, "sends", len(f.packets()), 2)
		l.Send(notify(udp), u)
		want(t, "a small one's protocol", f.packets()[2].flow, udp)
	})
}

// A NAT answers nothing: UDP after 500 ms, and at once the next time.
func TestLargeRequestWhereTCPHangs(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, f *fake, l *Layer) {
		var dials atomic.Int32
		tcpTo(f, &dials, time.Hour)
		l.Send(large(udp, 1300), new(told))
		l.Send(large(udp, 1300), new(told))
		time.Sleep(510 * time.Millisecond)
		p := f.packets()
		want(t, "sends", len(p), 2)
		want(t, "given up after", p[0].at, 500*time.Millisecond)
		want(t, "flow", p[0].flow, udp)
		want(t, "dials", dials.Load(), 2)
		l.Send(large(udp, 1300), new(told))
		want(t, "sends at once", len(f.packets()), 3)
		want(t, "dials", dials.Load(), 2)

		time.Sleep(10 * time.Minute)
		l.Send(large(udp, 1300), new(told))
		synctest.Wait()
		want(t, "dials when forgotten", dials.Load(), 3)
	})
}

func TestLargeRequestWhereTCPBreaks(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, f *fake, l *Layer) {
		other := netip.MustParseAddrPort("203.0.113.5:9")
		f.refuse = map[netip.AddrPort]error{other: errors.New("broken pipe")}
		f.connect = func(context.Context, transport.Hop) (sip.Flow, error) {
			return sip.Flow{Proto: sip.TCP, Local: local, Remote: other, Conn: 9}, nil
		}
		u := new(told)
		l.Send(large(udp, 1300), u)
		synctest.Wait()
		want(t, "flow in the end", f.packets()[1].flow, udp)
		contains(t, f.packets()[1].text, "Via: SIP/2.0/UDP ")
		l.Receive(answerTo(f.texts()[1], 200), udp, nil)
		want(t, "heard", u.String(), "answered 200")
	})
}

func TestLargeRequestBehindNAT(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, f *fake, l *Layer) {
		var dials atomic.Int32
		tcpTo(f, &dials, 0)
		o := large(udp, 60_000)
		o.RemoteTarget = netip.MustParseAddrPort("10.0.0.5:5060")
		l.Send(o, new(told))
		want(t, "sends", len(f.packets()), 1)
		want(t, "dials", dials.Load(), 0)

		u := new(told)
		o.Body = [][]byte{make([]byte, maxDatagram)}
		l.Send(o, u)
		synctest.Wait()
		want(t, "heard", u.String(), "failed: "+ErrTooLarge.Error())
		want(t, "sends", len(f.packets()), 1)
	})
}

func TestSizeIsWhatIsSent(t *testing.T) {
	o := large(udp, 500)
	b := compose(o)
	size := b.size(sip.UDP, "192.0.2.1:5060")
	b.address(sip.UDP, "192.0.2.1:5060", branch{})
	want(t, "bytes", len(b.bytes), size)
	b.address(sip.TCP, "h", branch{1, 2, 3})
	want(t, "bytes", len(b.bytes), b.size(sip.TCP, "h"))
}

func TestRefusalsAreBounded(t *testing.T) {
	var m refusals
	for i := range maxRefusals + 100 {
		m.add(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 5060), time.Duration(i))
	}
	want(t, "refusals", len(m.until), maxRefusals)
	m.add(remote, time.Hour)
	want(t, "once they are over", len(m.until), 1)
	want(t, "remembered", m.has(remote, time.Hour+refusalMemory-1), true)
	want(t, "forgotten", m.has(remote, time.Hour+refusalMemory), false)
}
