package server

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"presenced/pidf"
	"presenced/pidf/partial"
	"presenced/sip"
	"presenced/sip/siptest"
)

var untoldSeeds = flag.Uint64("untold", 6, "seeds of TestWatchersSeeTheLast")

// Whatever presentity, watchers and network do: once nothing happens any more,
// each watcher has what it would be shown if it asked. Three devices, a
// registration, hard state and rules change; six watchers refresh with other
// terms, and answer 200, 500, 503, or late; packets are lost or out of order, and
// the node restarts. More seeds: -untold 1000.
func TestWatchersSeeTheLast(t *testing.T) {
	for seed := range *untoldSeeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { watchersSeeTheLast(t, seed) }) })
	}
}

func FuzzWatchersSeeTheLast(f *testing.F) {
	f.Add(uint64(1 << 32))
	f.Fuzz(func(t *testing.T, seed uint64) { synctest.Test(t, func(t *testing.T) { watchersSeeTheLast(t, seed) }) })
}

// scene is one run: who takes part acts by itself, side by side with the others.
type scene struct {
	t       *testing.T
	seed    uint64
	network *siptest.Network
	node    *node
	turn    chan struct{} // the node is not restarted while it is told something
	ordered bool          // the network is
	calm    atomic.Bool   // watchers answer as they should
}

func watchersSeeTheLast(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 0))
	lines := fmt.Sprintf("[notify]\nmin_interval = \"%ds\"\n", 5*r.IntN(2))
	n, _ := memoryNode(t, lines, t.Output())
	s := &scene{t: t, seed: seed, node: n, turn: make(chan struct{}, 1), ordered: r.IntN(3) > 0}
	s.network = siptest.NewNetwork()
	n.host = s.network.Host(hostOf(memoryPrefix))
	s.restart()
	c := siptest.Conditions{Seed: seed, Loss: 0.05, Latency: time.Duration(r.IntN(30)) * time.Millisecond}
	if !s.ordered {
		c.Reorder, c.Jitter = 0.2, 50*time.Millisecond
	}
	s.network.SetConditions(c)
	var all []*phone
	acts := map[string]func(*phone){
		"d1": (*phone).publishes, "d2": (*phone).publishes, "d3": (*phone).publishes, "reg": (*phone).registers,
		"w1": (*phone).watches, "w2": (*phone).watches, "w3": (*phone).watches, "w4": (*phone).watches, "w5": (*phone).watches,
		"w6": (*phone).watches, "owner": (*phone).rules,
	}
	i := 0
	for name := range acts {
		i++
		all = append(all, s.phone(name, i))
	}
	for range 2 {
		var acting sync.WaitGroup
		until := time.Now().Add(40 * time.Second)
		for _, p := range all {
			acting.Go(func() {
				for time.Now().Before(until) {
					acts[p.name](p)
					time.Sleep(time.Duration(p.rand.ExpFloat64() * float64(2*time.Second)))
				}
			})
		}
		if r.IntN(2) == 0 {
			time.Sleep(time.Duration(r.IntN(40)) * time.Second)
			s.restart()
		}
		acting.Wait()
		s.calm.Store(true)
		time.Sleep(11 * time.Minute)
		for _, p := range all {
			p.check()
		}
		s.calm.Store(false)
	}
	for _, p := range all {
		p.conn.Close()
	}
	n.mustStop(t)
}

func (s *scene) restart() {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	if err := s.node.command(s.t)("restarts", ""); err != nil {
		s.t.Error(err)
	}
}

// phone is a device of bob's, or a watcher.
type phone struct {
	*scene
	name string
	addr netip.AddrPort
	conn *siptest.PacketConn
	rand *rand.Rand // of who acts
	cseq int
	tag  string // of the publication

	mu      sync.Mutex
	dice    *rand.Rand // of who answers
	answers map[string]chan *sip.Answer
	calls   int
	dialog  *dialog
	fetch   *dialog
}

// dialog is a subscription as its watcher knows it.
type dialog struct {
	id, remote, filter  string
	cseq                uint32
	said                map[uint32]int // answers, by CSeq; 0: none yet
	since               map[uint32]time.Time
	document            []byte
	copy                partial.Copy
	etag                string
	over, left, dormant bool // ended by a NOTIFY, by its watcher
	log                 []string
}

func (s *scene) phone(name string, i int) *phone {
	addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 1, byte(i)}), 5060)
	p := &phone{scene: s, name: name, addr: addr, conn: s.network.ListenPacket(addr.String()), answers: map[string]chan *sip.Answer{},
		rand: rand.New(rand.NewPCG(s.seed, uint64(name[len(name)-1])<<8|uint64(name[0]))), dice: rand.New(rand.NewPCG(s.seed, uint64(i)<<16))}
	go p.hear()
	return p
}

func (p *phone) hear() {
	room := make([]byte, 1<<16)
	for {
		n, _, err := p.conn.ReadFrom(room)
		if err != nil {
			return
		}
		data := []byte(string(room[:n]))
		if answer, err := sip.ParseResponse(data); err == nil {
			p.mu.Lock()
			if c := p.answers[answer.Header("CSeq")]; c != nil && len(c) == 0 {
				c <- answer
			}
			p.mu.Unlock()
			continue
		}
		if r, err := sip.ParseRequest(data, sip.Flow{Proto: sip.UDP, Remote: p.addr, Local: p.addr}); err == nil {
			p.notified(r)
		}
	}
}

func (p *phone) send(text string) {
	if _, err := p.conn.WriteTo([]byte(text), net.UDPAddrFromAddrPort(netip.MustParseAddrPort("10.0.0.1:5060"))); err != nil && !errors.Is(err, net.ErrClosed) {
		p.t.Error(err)
	}
}

// ask sends a request, again and again, until it is answered; nil after Timer F.
func (p *phone) ask(method, uri, from, call, toTag, head, body string) *sip.Answer {
	p.mu.Lock()
	p.cseq++
	cseq := fmt.Sprint(p.cseq, " ", method)
	c := make(chan *sip.Answer, 1)
	p.answers[cseq] = c
	p.mu.Unlock()
	to := "<sip:bob@example.com>"
	if toTag != "" {
		to += ";tag=" + toTag
	}
	text := fmt.Sprintf("%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s%d;rport\r\nMax-Forwards: 70\r\nFrom: <sip:%s@example.com>;tag=%s\r\n"+
		"To: %s\r\nCall-ID: %s\r\nCSeq: %s\r\nContact: <sip:%s@%s>\r\n%sContent-Length: %d\r\n\r\n%s",
		method, uri, p.addr, p.name, p.cseq, from, p.name, to, call, cseq, p.name, p.addr, head, len(body), body)
	for wait := 500 * time.Millisecond; wait < 32*time.Second; wait *= 2 {
		p.send(text)
		select {
		case a := <-c:
			return a
		case <-time.After(wait):
		}
	}
	return nil
}

func (p *phone) publishes() {
	var b strings.Builder
	fmt.Fprintf(&b, `<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:r="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:bob@example.com">`)
	state := [...]string{"open", "closed"}[p.rand.IntN(2)]
	fmt.Fprintf(&b, `<tuple id="%s"><status><basic>%s</basic></status><contact>sip:%[1]s@example.com</contact></tuple>`, p.name, state)
	if p.rand.IntN(2) == 0 {
		fmt.Fprintf(&b, `<note>%d %s</note>`, p.rand.IntN(3), strings.Repeat("a long one ", 20))
	}
	if p.rand.IntN(2) == 0 {
		fmt.Fprintf(&b, `<dm:person id="p"><r:activities><r:%s/></r:activities></dm:person>`, [...]string{"busy", "away"}[p.rand.IntN(2)])
	}
	body, expires := b.String()+`</presence>`, 3600
	head := "Content-Type: application/pidf+xml\r\n"
	if p.tag != "" {
		head += "SIP-If-Match: " + p.tag + "\r\n"
		switch p.rand.IntN(8) {
		case 0:
			expires = 0
			fallthrough
		case 1:
			head, body = "SIP-If-Match: "+p.tag+"\r\n", ""
		}
	}
	if p.rand.IntN(8) == 0 && expires > 0 {
		expires = 60
	}
	a := p.ask("PUBLISH", "sip:bob@example.com", "bob", p.name, "", fmt.Sprintf("Event: presence\r\nExpires: %d\r\n", expires)+head, body)
	if p.tag = ""; a != nil && a.Code == 200 && expires > 0 {
		p.tag = a.Header("SIP-ETag")
	}
}

func (p *phone) registers() {
	p.ask("REGISTER", "sip:example.com", "bob", "reg", "", fmt.Sprintf("Expires: %d\r\n", 60*p.rand.IntN(3)), "")
}

const (
	rulesHead = `<cp:ruleset xmlns:cp="urn:ietf:params:xml:ns:common-policy" xmlns="urn:ietf:params:xml:ns:pres-rules"><cp:rule id="a"><cp:conditions><cp:identity><cp:many/></cp:identity></cp:conditions>`
	allowed   = rulesHead + `<cp:actions><sub-handling>allow</sub-handling></cp:actions><cp:transformations>%s</cp:transformations></cp:rule></cp:ruleset>`
	handled   = rulesHead + `<cp:actions><sub-handling>%s</sub-handling></cp:actions></cp:rule></cp:ruleset>`
)

func (p *phone) rules() {
	services, persons := `<provide-services><all-services/></provide-services>`, `<provide-persons><all-persons/></provide-persons>`
	var words, block string
	switch p.rand.IntN(7) {
	case 0:
		words, block = "puts pres-rules", fmt.Sprintf(allowed, services)
	case 1:
		words, block = "puts pres-rules", fmt.Sprintf(allowed, services+persons+`<provide-all-attributes/>`)
	case 2:
		words, block = "puts pres-rules", fmt.Sprintf(handled, [...]string{"polite-block", "confirm", "confirm", "block"}[p.rand.IntN(4)])
	case 3:
		words = "deletes pres-rules"
	case 4, 5:
		words, block = "puts pidf-manipulation", fmt.Sprintf(`<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:bob@example.com">`+
			`<tuple id="hard"><status><basic>closed</basic></status><note>%d</note></tuple></presence>`, p.rand.IntN(2))
	default:
		words = "deletes pidf-manipulation"
	}
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	_ = p.node.document(p.t, words+" of sip:bob@example.com", block) // there may be nothing to delete
}

const filterSet = `<filter-set xmlns="urn:ietf:params:xml:ns:simple-filter"><ns-bindings><ns-binding prefix="p" urn="urn:ietf:params:xml:ns:pidf"/>` +
	`<ns-binding prefix="d" urn="urn:ietf:params:xml:ns:pidf:data-model"/></ns-bindings><filter id="a"%s>%s</filter></filter-set>`

var filters = [...]string{"", "", `<what><include>//p:tuple</include></what>`, `<what><include>//d:person</include></what>`, `<what><exclude>//p:note</exclude></what>`}

// watches subscribes, or refreshes with other terms.
func (p *phone) watches() {
	if p.rand.IntN(2) == 0 {
		return
	}
	p.mu.Lock()
	d := p.dialog
	if fresh := d == nil || d.over || d.left; fresh {
		p.calls++
		d = &dialog{id: fmt.Sprint(p.name, "-", p.calls), said: map[uint32]int{}, since: map[uint32]time.Time{}}
		p.dialog = d
	}
	toTag, etag := d.remote, d.etag
	p.mu.Unlock()
	head, body := "Event: presence"+[...]string{"", "", ";max-rate=0.3", ";min-rate=0.05", ";max-rate=2"}[p.rand.IntN(5)]+"\r\nExpires: 7200\r\n", ""
	if p.rand.IntN(2) == 0 {
		head += "Accept: application/pidf-diff+xml, application/pidf+xml;q=0.5\r\n"
	}
	filter := d.filter
	if p.rand.IntN(3) == 0 {
		filter = filters[p.rand.IntN(len(filters))]
		body = fmt.Sprintf(filterSet, "", filter)
		if filter == "" {
			body = fmt.Sprintf(filterSet, ` remove="true"`, "")
		}
		head += "Content-Type: application/simple-filter+xml\r\n"
	}
	dormant := false
	switch x := p.rand.IntN(16); {
	case x == 0 && toTag != "":
		dormant = true
		head += "Suppress-If-Match: *\r\n"
	case x < 9 && etag != "" && toTag != "":
		head += "Suppress-If-Match: " + etag + "\r\n"
	}
	p.mu.Lock()
	d.log = append(d.log, fmt.Sprintf("%v SUBSCRIBE %q %q", time.Now().Format("05.000"), head, filter))
	p.mu.Unlock()
	a := p.ask("SUBSCRIBE", requestURI(toTag), p.name, d.id, toTag, head, body)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case a == nil || a.Code >= 300 || d.remote != "" && d.remote != tagIn(a.Header("To")):
		d.left = true
	default:
		d.remote, d.filter, d.dormant = tagIn(a.Header("To")), filter, dormant
		d.log = append(d.log, fmt.Sprintf("%v %d", time.Now().Format("05.000"), a.Code))
	}
}

func requestURI(tag string) string {
	if tag == "" {
		return "sip:bob@example.com"
	}
	return "sip:10.0.0.1:5060"
}

func tagIn(value string) string {
	_, tag, _ := strings.Cut(value, ";tag=")
	return tag
}

// notified is what a watcher does with a NOTIFY. It has what it has answered
// with 200.
func (p *phone) notified(r *sip.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	code, extra := 481, ""
	for _, d := range [...]*dialog{p.dialog, p.fetch} {
		if d == nil || d.id != r.CallID() {
			continue
		}
		if d.remote == "" {
			d.remote = tagIn(r.Header("From"))
		}
		if d.remote != tagIn(r.Header("From")) { // a SUBSCRIBE that was repeated to a new process has made two
			continue
		}
		if code = p.answer(d, r); code == 0 {
			return
		}
		if code == 503 {
			extra = "Retry-After: 7\r\n"
		}
	}
	p.send(fmt.Sprintf("SIP/2.0 %d X\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d NOTIFY\r\n%sContent-Length: 0\r\n\r\n",
		code, r.Header("Via"), r.Header("From"), r.Header("To"), r.CallID(), r.CSeq(), extra))
}

// answer is 0 for none yet.
func (p *phone) answer(d *dialog, r *sip.Request) int {
	calm := p.calm.Load()
	cseq := r.CSeq()
	code, known := d.said[cseq]
	switch {
	case code != 0:
		return code
	case cseq < d.cseq:
		if p.ordered {
			p.t.Errorf("%s: CSeq %d after %d", d.id, cseq, d.cseq)
		}
		d.said[cseq] = 500
		return 500
	case known && !calm && time.Now().Before(d.since[cseq]):
		return 0
	case known || calm:
		code = 200
	default:
		switch x := p.dice.IntN(20); {
		case x < 2:
			code = 500
		case x < 3:
			code = 503
		case x < 5:
			d.said[cseq], d.since[cseq] = 0, time.Now().Add(time.Duration(p.dice.IntN(8))*time.Second)
			return 0
		default:
			code = 200
		}
	}
	d.cseq, d.said[cseq] = cseq, code
	d.log = append(d.log, fmt.Sprintf("%v NOTIFY %d %d %s %s %s", time.Now().Format("05.000"), cseq, code, r.Header("Subscription-State"), r.Header("SIP-ETag"), r.Body()))
	if code == 200 {
		p.learns(d, r)
	} else if strings.HasPrefix(r.Header("Subscription-State"), "terminated") { // the last is not told again
		d.left = true
	}
	return code
}

func (p *phone) learns(d *dialog, r *sip.Request) {
	if d.over {
		p.t.Errorf("%s: a NOTIFY after the end:\n%s", d.id, strings.Join(d.log, "\n"))
	}
	d.over = strings.HasPrefix(r.Header("Subscription-State"), "terminated")
	etag := r.Header("SIP-ETag")
	switch contentType, _ := r.ContentType(); {
	case contentType == "application/pidf-diff+xml":
		if err := d.copy.Update(r.Body()); err != nil {
			p.t.Errorf("%s: %v\n%s", d.id, err, strings.Join(d.log, "\n"))
		}
		d.document = d.copy.Document
	case len(r.Body()) > 0:
		d.document = []byte(string(r.Body()))
	case etag != d.etag:
		d.document = nil
	}
	d.etag = etag
}

// check compares what a watcher has with what it is shown when it asks.
func (p *phone) check() {
	p.mu.Lock()
	d := p.dialog
	p.mu.Unlock()
	if d == nil || d.over || d.left || d.dormant || d.remote == "" {
		return
	}
	body, head := "", "Event: presence\r\nExpires: 0\r\n"
	if d.filter != "" {
		body, head = fmt.Sprintf(filterSet, "", d.filter), head+"Content-Type: application/simple-filter+xml\r\n"
	}
	p.mu.Lock()
	f := &dialog{id: d.id + "-fetch" + fmt.Sprint(p.cseq), said: map[uint32]int{}, since: map[uint32]time.Time{}}
	p.fetch = f
	p.mu.Unlock()
	a := p.ask("SUBSCRIBE", "sip:bob@example.com", p.name, f.id, "", head, body)
	time.Sleep(35 * time.Second) // Timer F
	p.mu.Lock()
	had := d.document
	p.mu.Unlock()
	if a != nil && (a.Code == 403 || !equalDocuments(had, f.document)) && p.ended(d) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if a == nil || a.Code != 200 || !f.over {
		p.t.Errorf("%s: no fetch: %v %+v", d.id, a, f)
		return
	}
	if !equalDocuments(had, f.document) {
		p.t.Errorf("seed %d: %s has\n%s\nbut is shown\n%s\n%s", p.seed, d.id, had, f.document, strings.Join(d.log, "\n"))
	}
}

// ended says whether the agent has ended a subscription: the NOTIFY that told so
// is lost where the process ends before it is answered.
func (p *phone) ended(d *dialog) bool {
	a := p.ask("SUBSCRIBE", requestURI(d.remote), p.name, d.id, d.remote, "Event: presence\r\nExpires: 7200\r\n", "")
	return a != nil && a.Code == sip.StatusNoSuchTransaction
}

func equalDocuments(a, b []byte) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	one, err := pidf.Parse(a)
	two, err2 := pidf.Parse(b)
	return errors.Join(err, err2) == nil && one.Presence().Equal(two.Presence())
}
