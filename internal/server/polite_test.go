package server

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"presenced/internal/rules"
	"presenced/internal/server/servertest"
	"presenced/internal/store"
	"presenced/sip/siptest"
)

// A watcher that is blocked politely cannot tell it from a presentity that is
// offline: for an hour it subscribes, refreshes, and fetches, and each byte
// comes at the same instant, whatever the presentity does (RFC 5025 s.3.2.1,
// RFC 3856 s.6.6.2).
func TestPoliteBlockIsAsOffline(t *testing.T) {
	polite := hourOf(t, policyFor("polite-block"), busy)
	offline := hourOf(t, policyFor("allow"), func(*party) {})
	byDefault := hourOf(t, "", func(*party) {})
	if len(polite) < 20 {
		t.Fatalf("the watcher heard %d messages", len(polite))
	}
	for name, other := range map[string][]string{"offline": offline, "offline by default": byDefault} {
		for i := range max(len(polite), len(other)) {
			if i >= len(polite) || i >= len(other) || polite[i] != other[i] {
				t.Fatalf("message %d of %d and %d: polite\n%s\n%s\n%s", i, len(polite), len(other), at(polite, i), name, at(other, i))
			}
		}
	}
	if visible := hourOf(t, policyFor("allow"), busy); len(visible) <= len(polite) {
		t.Errorf("who may see hears no more: %d messages", len(visible))
	}
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return "nothing"
}

// policyFor is a rules document for alice.
func policyFor(handling string) string {
	return `<cp:ruleset xmlns:cp="urn:ietf:params:xml:ns:common-policy" xmlns="urn:ietf:params:xml:ns:pres-rules"><cp:rule id="a">` +
		`<cp:conditions><cp:identity><cp:one id="sip:alice@example.com"/></cp:identity></cp:conditions>` +
		`<cp:actions><sub-handling>` + handling + `</sub-handling></cp:actions>` +
		`<cp:transformations><provide-services><all-services/></provide-services><provide-note>true</provide-note></cp:transformations></cp:rule></cp:ruleset>`
}

// hourOf is what alice hears in an hour of a node where bob has this rules
// document, and does something: times and messages, without what is random.
func hourOf(t *testing.T, document string, does func(bob *party)) (heard []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		network := siptest.NewNetwork()
		n := startNode(t, "[notify]\nmin_interval = \"5s\"", memoryPrefix, network.Host(hostOf(memoryPrefix)), nil)
		defer n.mustStop(t)
		if document != "" {
			doc := store.Document{AOR: "sip:bob@example.com", Name: rules.NameAccess, Tag: "1", Body: []byte(document)}
			if err := n.engine.PutDocument(t.Context(), doc, store.MatchAny); err != nil {
				t.Fatal(err)
			}
		}
		if strings.Contains(document, "polite-block") {
			hard := store.Document{AOR: "sip:bob@example.com", Name: rules.NamePresence, Tag: "1", Body: []byte(servertest.Document("sip:bob@example.com", "open", "always"))}
			if err := n.engine.PutDocument(t.Context(), hard, store.MatchAny); err != nil {
				t.Fatal(err)
			}
		}
		alice, bob := join(t, network, n, "alice", "2"), join(t, network, n, "bob", "3")
		var wait sync.WaitGroup
		wait.Go(func() { does(bob) })
		wait.Go(func() {
			alice.send("SUBSCRIBE", "Event: presence\r\nExpires: 900\r\n", "")
			alice.send("SUBSCRIBE", "Event: presence;min-rate=0.01\r\nAccept: application/pidf+xml, application/pidf-diff+xml\r\nExpires: 3600\r\n", "")
			for i := range 11 {
				time.Sleep(5*time.Minute + 7*time.Second)
				if i%2 == 0 {
					alice.refresh(900)
				} else {
					alice.send("SUBSCRIBE", fetches[i/2%len(fetches)]+"Expires: 0\r\n", "")
				}
			}
			alice.refresh(0)
		})
		wait.Wait()
		time.Sleep(time.Minute)
		alice.conn.Close()
		bob.conn.Close()
		alice.listening.Wait()
		heard = alice.heard
	})
	return heard
}

// fetches are ways to look once.
var fetches = []string{
	"Event: presence\r\n",
	"Event: presence\r\nAccept: application/pidf-diff+xml, application/pidf+xml\r\n",
	"Event: presence\r\nSuppress-If-Match: *\r\n",
}

// busy publishes, changes, refreshes, registers and withdraws.
func busy(bob *party) {
	const typed = "Event: presence\r\nContent-Type: application/pidf+xml\r\n"
	for i := range 40 {
		body := fmt.Sprintf(`<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:bob@example.com"><tuple id="t"><status><basic>open</basic></status><note>%d</note></tuple></presence>`, i)
		match := ""
		if tag := bob.etag(); tag != "" {
			match = "SIP-If-Match: " + tag + "\r\n"
		}
		switch {
		case i%7 == 6:
			bob.send("REGISTER", "Contact: <sip:bob@10.0.0.3:5060>\r\nExpires: 300\r\n", "")
		case i%5 == 4 && match != "":
			bob.send("PUBLISH", "Event: presence\r\nExpires: 300\r\n"+match, "")
		default:
			bob.send("PUBLISH", typed+"Expires: 300\r\n"+match, body)
		}
		time.Sleep(81 * time.Second)
	}
}

// party is a user agent that answers NOTIFYs and remembers what it heard.
type party struct {
	t         *testing.T
	name, ip  string
	conn      net.PacketConn
	to        net.Addr
	start     time.Time
	listening sync.WaitGroup
	mu        sync.Mutex
	heard     []string
	cseq      int
	tag, tags string   // To tag of the subscription; entity-tag
	told      []string // entity-tags that were heard, in their order
}

func join(t *testing.T, network *siptest.Network, n *node, name, host string) *party {
	p := &party{t: t, name: name, ip: memoryPrefix + host, start: time.Now(), to: net.UDPAddrFromAddrPort(n.addr())}
	p.conn = network.ListenPacket(p.ip + ":5060")
	p.listening.Go(p.listen)
	return p
}

func (p *party) etag() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tags
}

// send sends a request about bob outside a dialog. Its Call-ID is its method
// and number.
func (p *party) send(method, header, body string) {
	p.request(method, "sip:bob@example.com", fmt.Sprint(method, p.cseq), "", header, body)
}

// refresh refreshes the subscription that was made first, or ends it.
func (p *party) refresh(expires int) {
	p.mu.Lock()
	tag := p.tag
	p.mu.Unlock()
	p.request("SUBSCRIBE", "sip:10.0.0.1:5060", "SUBSCRIBE0", ";tag="+tag, fmt.Sprintf("Event: presence\r\nExpires: %d\r\n", expires), "")
}

func (p *party) request(method, uri, call, tag, header, body string) {
	p.cseq++
	p.write(fmt.Sprintf("%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=z9hG4bK%s%d\r\nMax-Forwards: 70\r\nFrom: <sip:%s@example.com>;tag=1\r\n"+
		"To: <sip:bob@example.com>%s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:%s@%s:5060>\r\n%sContent-Length: %d\r\n\r\n%s",
		method, uri, p.ip, p.name, p.cseq, p.name, tag, call, p.cseq, method, p.name, p.ip, header, len(body), body))
}

func (p *party) write(s string) {
	if _, err := p.conn.WriteTo([]byte(s), p.to); err != nil {
		p.t.Error(err)
	}
}

var (
	etags    = regexp.MustCompile(`SIP-ETag: (\S+)`)
	totags   = regexp.MustCompile(`\nTo: <sip:bob@example.com>;tag=(\S+)`)
	random   = regexp.MustCompile(`(branch=|;tag=)[^;\s]+`)
	contents = regexp.MustCompile(`(?s)\r\n(?:Content-Length|Content-Type).*`)
)

// number is an entity-tag by when it was first heard: what it is tells nothing,
// that it is another one does. It is called with p locked.
func (p *party) number(tag string) string {
	i := slices.Index(p.told, tag)
	if i < 0 {
		i, p.told = len(p.told), append(p.told, tag)
	}
	return fmt.Sprint("SIP-ETag: number ", i)
}

func (p *party) listen() {
	var room [1 << 16]byte
	for {
		size, _, err := p.conn.ReadFrom(room[:])
		if err != nil {
			return
		}
		data := string(room[:size])
		p.mu.Lock()
		p.heard = append(p.heard, fmt.Sprint(time.Since(p.start), "\n", etags.ReplaceAllStringFunc(random.ReplaceAllString(data, "$1*"), p.number)))
		if m := etags.FindStringSubmatch(data); m != nil {
			p.tags = m[1]
		}
		if m := totags.FindStringSubmatch(data); m != nil && p.tag == "" {
			p.tag = m[1]
		}
		p.mu.Unlock()
		if _, rest, ok := strings.Cut(data, "\r\n"); ok && strings.HasPrefix(data, "NOTIFY ") {
			p.write("SIP/2.0 200 OK\r\n" + contents.ReplaceAllString(rest, "") + "\r\nContent-Length: 0\r\n\r\n")
		}
	}
}
