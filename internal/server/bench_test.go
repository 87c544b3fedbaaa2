package server

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"

	"presenced/internal/rules"
	"presenced/internal/store"
	"presenced/sip"
	"presenced/sip/siptest"
)

// BenchmarkFanOut is a whole node that tells 1,000 watchers of one change over
// the network in memory; the watchers, which share a socket, cost their part.
func BenchmarkFanOut(b *testing.B) {
	b.Run("no rules", func(b *testing.B) { fanOut(b, "") })
	b.Run("20 rules", func(b *testing.B) { fanOut(b, twentyRules()) })
}

// twentyRules are for 50 watchers each, which see services and notes.
func twentyRules() string {
	var doc strings.Builder
	doc.WriteString(`<cp:ruleset xmlns:cp="urn:ietf:params:xml:ns:common-policy" xmlns="urn:ietf:params:xml:ns:pres-rules">`)
	for i := range 20 {
		fmt.Fprintf(&doc, `<cp:rule id="r%d"><cp:conditions><cp:identity>`, i)
		for j := range 50 {
			fmt.Fprintf(&doc, `<cp:one id="sip:watcher%d@example.com"/>`, 50*i+j)
		}
		doc.WriteString(`</cp:identity></cp:conditions><cp:actions><sub-handling>allow</sub-handling></cp:actions><cp:transformations>` +
			`<provide-services><all-services/></provide-services><provide-note>true</provide-note></cp:transformations></cp:rule>`)
	}
	return doc.String() + `</cp:ruleset>`
}

func fanOut(b *testing.B, document string) {
	const watchers = 1000
	network := siptest.NewNetwork()
	n := startNode(b, "", memoryPrefix, network.Host(netip.MustParseAddr(memoryPrefix+"1")), nil)
	defer n.mustStop(b)
	n.log = io.Discard
	if document != "" {
		doc := store.Document{AOR: "sip:bob@example.com", Name: rules.NameAccess, Tag: "1", Body: []byte(document)}
		if err := n.engine.PutDocument(b.Context(), doc, store.MatchAny); err != nil {
			b.Fatal(err)
		}
	}
	crowd := &audience{to: net.UDPAddrFromAddrPort(n.addr()), conn: network.ListenPacket(memoryPrefix + "2:5060")}
	for i := range watchers {
		crowd.send(b, inMemory("SUBSCRIBE", fmt.Sprint("watcher", i), 1, "Event: presence\r\n", ""))
		crowd.take(b, 1)
	}
	tag := crowd.publish(b, 0, "")
	crowd.take(b, watchers)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		tag = crowd.publish(b, i, tag)
		crowd.take(b, watchers)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(i*watchers), "ns/NOTIFY")
}

// audience is the far end of every dialog.
type audience struct {
	conn net.PacketConn
	to   net.Addr
	room [1 << 16]byte
	owed int // NOTIFYs that came before they were waited for
}

func (c *audience) send(b *testing.B, data []byte) {
	b.Helper()
	if _, err := c.conn.WriteTo(data, c.to); err != nil {
		b.Fatal(err)
	}
}

// next reads a message; a NOTIFY is answered.
func (c *audience) next(b *testing.B) (data []byte, notify bool) {
	b.Helper()
	size, _, err := c.conn.ReadFrom(c.room[:])
	if err != nil {
		b.Fatal(err)
	}
	data = c.room[:size]
	if !bytes.HasPrefix(data, []byte("NOTIFY ")) {
		if !bytes.HasPrefix(data, []byte("SIP/2.0 200 ")) {
			b.Fatalf("%s", data)
		}
		return data, false
	}
	_, header, _ := bytes.Cut(data, []byte("\r\n"))
	header, _, _ = bytes.Cut(header, []byte("\r\nContent-Type"))
	answer := append([]byte("SIP/2.0 200 OK\r\n"), header...)
	c.send(b, append(answer, "\r\nContent-Length: 0\r\n\r\n"...))
	return data, true
}

// take waits for count NOTIFYs.
func (c *audience) take(b *testing.B, count int) {
	b.Helper()
	for c.owed < count {
		if _, notify := c.next(b); notify {
			c.owed++
		}
	}
	c.owed -= count
}

// publish makes the i-th state of the presentity, and returns the entity-tag.
func (c *audience) publish(b *testing.B, i int, tag string) string {
	b.Helper()
	body := fmt.Sprintf(`<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:bob@example.com"><tuple id="t"><status><basic>open</basic></status>`+
		`<contact>sip:bob@10.0.0.2</contact><note>state %d</note></tuple></presence>`, i)
	header := "Event: presence\r\nContent-Type: application/pidf+xml\r\n"
	if tag != "" {
		header += "SIP-If-Match: " + tag + "\r\n"
	}
	c.send(b, inMemory("PUBLISH", "bob", i+1, header, body))
	for {
		data, notify := c.next(b)
		if notify {
			c.owed++
			continue
		}
		if _, rest, ok := strings.Cut(string(data), "SIP-ETag: "); ok {
			tag, _, _ = strings.Cut(rest, "\r\n")
			return tag
		}
	}
}

// inMemory is a request of user's about bob, from the audience's socket.
func inMemory(method, user string, cseq int, header, body string) []byte {
	return fmt.Appendf(nil, "%s sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/%s 10.0.0.2:5060;branch=z9hG4bK%s%d;rport\r\nMax-Forwards: 70\r\n"+
		"From: <sip:%s@example.com>;tag=%s\r\nTo: <sip:bob@example.com>\r\nCall-ID: %s\r\nCSeq: %d %s\r\n"+
		"Contact: <sip:%s@10.0.0.2:5060>\r\nExpires: 3600\r\n%sContent-Length: %d\r\n\r\n%s",
		method, sip.UDP, user, cseq, user, user, user, cseq, method, user, header, len(body), body)
}
