package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"presenced/sip"
)

// responder is a tiny presence agent: it answers, notifies and relays, and
// makes the faults that a test asks for.
type responder struct {
	t    *testing.T
	conn *net.UDPConn

	challenge  bool // asks for credentials
	forgetful  bool // the first request is not answered
	stale      bool // every second NOTIFY of a PUBLISH has the state before
	repeats    bool // a PUBLISH's NOTIFY comes twice
	disordered bool // a PUBLISH's NOTIFY is followed by one with a lower CSeq
	drops      bool // every second NOTIFY of a PUBLISH is never sent
	breaks     int  // after so many PUBLISHes all are answered 500; 0: never

	documents  map[string]string // by address-of-record
	previous   map[string]string
	watchers   map[string][]*dialog
	contacts   map[string]string
	senders    map[string]*net.UDPAddr
	forgot     bool
	published  int
	subscribed atomic.Int32
}

func (r *responder) watching() int { return int(r.subscribed.Load()) }

type dialog struct {
	contact, from, to, callID string
	peer                      *net.UDPAddr
	cseq                      int
}

func serve(t *testing.T, r *responder) string {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadBuffer(4 << 20); err != nil {
		t.Fatal(err)
	}
	r.t, r.conn = t, conn
	r.documents, r.previous = map[string]string{}, map[string]string{}
	r.watchers, r.contacts, r.senders = map[string][]*dialog{}, map[string]string{}, map[string]*net.UDPAddr{}
	var done sync.WaitGroup
	done.Go(r.loop)
	t.Cleanup(func() { conn.Close(); done.Wait() })
	return "udp:" + conn.LocalAddr().String()
}

func (r *responder) loop() {
	buffer := make([]byte, 65536)
	for {
		n, from, err := r.conn.ReadFromUDP(buffer)
		if err != nil {
			return
		}
		raw := bytes.Clone(buffer[:n])
		if sip.IsResponse(raw) {
			r.relayAnswer(raw)
			continue
		}
		request, err := sip.ParseRequest(raw, sip.Flow{})
		if err != nil {
			r.t.Errorf("%v: %s", err, raw)
			continue
		}
		r.handle(request, raw, from)
	}
}

func (r *responder) send(to *net.UDPAddr, format string, args ...any) {
	if _, err := r.conn.WriteToUDP(fmt.Appendf(nil, format, args...), to); err != nil && !strings.Contains(err.Error(), "closed") {
		r.t.Error(err)
	}
}

func (r *responder) answer(q *sip.Request, from *net.UDPAddr, code int, extra string) {
	to := q.Header("To")
	if q.ToTag() == "" {
		to += ";tag=agent"
	}
	r.send(from, "SIP/2.0 %d X\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\n%sContent-Length: 0\r\n\r\n",
		code, q.Header("Via"), q.Header("From"), to, q.CallID(), q.Header("CSeq"), extra)
}

func (r *responder) handle(q *sip.Request, raw []byte, from *net.UDPAddr) {
	if r.forgetful && !r.forgot {
		r.forgot = true
		return
	}
	if r.challenge && !q.Has("Authorization") {
		r.answer(q, from, 401, "WWW-Authenticate: Digest realm=\"x\", nonce=\"n\", qop=\"auth\", algorithm=MD5\r\n")
		return
	}
	aor := q.AOR()
	switch q.Method() {
	case "REGISTER":
		to, err := q.To()
		if err != nil {
			r.t.Error(err)
			return
		}
		r.contacts[to.URI.AOR()] = strings.Trim(q.Header("Contact"), "<>")
		r.senders[to.URI.AOR()] = from
		r.answer(q, from, 200, "")
	case "PUBLISH":
		r.published++
		if r.breaks > 0 && r.published > r.breaks {
			r.answer(q, from, 500, "")
			return
		}
		r.answer(q, from, 200, fmt.Sprintf("SIP-ETag: e%d\r\n", r.published))
		if len(q.Body()) > 0 {
			r.previous[aor], r.documents[aor] = r.documents[aor], string(q.Body())
			for i, d := range r.watchers[aor] {
				if !r.drops || i%2 == 0 {
					r.changed(d, aor)
				}
			}
		}
	case "SUBSCRIBE":
		r.subscribe(q, from)
	case "MESSAGE":
		r.send(r.senders[aor], "%s", bytes.Replace(raw, []byte("sip:"+strings.TrimPrefix(aor, "sip:")+" SIP"), []byte(r.contacts[aor]+" SIP"), 1))
	}
}

// relayAnswer sends an inbox's 200 to the sender, who has the same socket.
func (r *responder) relayAnswer(raw []byte) {
	if _, _, method, ok := sip.GlanceResponse(raw); !ok || string(method) != "MESSAGE" {
		return
	}
	for _, sender := range r.senders {
		r.send(sender, "%s", raw)
		return
	}
}

func (r *responder) subscribe(q *sip.Request, from *net.UDPAddr) {
	to, err := q.To()
	if err != nil {
		r.t.Error(err)
		return
	}
	aor := to.URI.AOR()
	r.answer(q, from, 200, "Contact: <sip:agent@127.0.0.1>\r\nExpires: "+q.Header("Expires")+"\r\n")
	var d *dialog
	for _, known := range r.watchers[aor] {
		if known.callID == q.CallID() {
			d = known
		}
	}
	if d == nil {
		d = &dialog{contact: strings.Trim(q.Header("Contact"), "<>"), from: q.Header("To") + ";tag=agent", to: q.Header("From"), callID: q.CallID(), peer: from, cseq: 100}
		r.watchers[aor] = append(r.watchers[aor], d)
		r.subscribed.Add(1)
	}
	if q.Header("Expires") == "0" {
		r.watchers[aor] = slices.DeleteFunc(r.watchers[aor], func(known *dialog) bool { return known == d })
		r.subscribed.Add(-1)
		r.notify(d, "terminated;reason=timeout", "")
		return
	}
	r.notify(d, "active", r.documents[aor])
}

func (r *responder) changed(d *dialog, aor string) {
	document := r.documents[aor]
	if r.disordered {
		d.cseq++
	}
	r.notify(d, "active", document)
	if r.repeats {
		d.cseq--
		r.notify(d, "active", document)
	}
	if r.disordered {
		d.cseq -= 2
		r.notify(d, "active", document)
		d.cseq++
	}
	if r.stale {
		r.notify(d, "active", r.previous[aor])
	}
}

func (r *responder) notify(d *dialog, state, body string) {
	d.cseq++
	r.send(d.peer, "NOTIFY %s SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK%s%d\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d NOTIFY\r\n"+
		"Event: presence\r\nSubscription-State: %s\r\nContent-Length: %d\r\n\r\n%s", d.contact, d.callID, d.cseq, d.from, d.to, d.callID, d.cseq, state, len(body), body)
}

// load plays phases against the responder.
func load(t *testing.T, r *responder, phases ...phase) []*result {
	t.Helper()
	set := defaults()
	set.Server, set.Phases, set.Patience, set.RcvBuf = serve(t, r), phases, duration{time.Second}, 4<<20
	if r.challenge {
		set.Password = "secret"
	}
	if err := set.check(); err != nil {
		t.Fatal(err)
	}
	c := &command{set: set, server: &server{proc: "/proc", all: []int{os.Getpid()}}}
	report, err := c.execute(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return report.Results
}

func TestEveryOperation(t *testing.T) {
	var phases []phase
	for _, op := range operations {
		p := phase{Operation: string(op), Principals: 20, Watchers: 3, Count: 20, InFlight: 5}
		if op == pause {
			p.Duration = duration{50 * time.Millisecond}
		}
		phases = append(phases, p)
	}
	for _, challenge := range []bool{false, true} {
		for _, r := range load(t, &responder{challenge: challenge}, phases...) {
			want := 20
			if r.Phase.Operation == string(pause) {
				want = 0
			}
			if r.Finished+r.Late != want || r.Failed != 0 || r.Disorder+r.Superseded+r.Missing+r.Unnotified+r.Stray+r.RepeatedNotifies != 0 {
				t.Errorf("%s, challenged %v: %d done:%s", r.Phase.Name, challenge, r.Finished, r.remarks())
			}
			if challenge && want > 0 && r.Challenges < 20 {
				t.Errorf("%s: %d challenges", r.Phase.Name, r.Challenges)
			}
			if len(r.Operation) != 1 || want > 0 && len(r.Operation[0].Latency) == 0 {
				t.Errorf("%s: no latency", r.Phase.Name)
			}
		}
	}
}

func TestFaultsAreCounted(t *testing.T) {
	p := phase{Operation: string(publishChanged), Principals: 4, Watchers: 2, Count: 8, InFlight: 2}
	for _, c := range []struct {
		name  string
		r     *responder
		count func(*result) int
		want  int
	}{
		{"superseded", &responder{stale: true}, func(r *result) int { return r.Superseded }, 16},
		{"repeated", &responder{repeats: true}, func(r *result) int { return r.RepeatedNotifies }, 16},
		{"disorder", &responder{disordered: true}, func(r *result) int { return r.Disorder }, 16},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := load(t, c.r, p)[0]
			if got := c.count(r); got != c.want || r.Finished != 8 {
				t.Errorf("%d, want %d; %d of 8 done:%s", got, c.want, r.Finished, r.remarks())
			}
		})
	}
}

func TestLostNotifiesAreCounted(t *testing.T) {
	r := load(t, &responder{drops: true}, phase{Operation: string(publishChanged), Principals: 4, Watchers: 2, Count: 8, InFlight: 4})[0]
	if r.Unnotified != 8 || r.Missing != 4 || r.Failed != 8 || r.Notifies != 8 {
		t.Errorf("%d never came, %d watchers lack the last state, %d PUBLISHes failed, %d NOTIFYs came", r.Unnotified, r.Missing, r.Failed, r.Notifies)
	}
}

// Where failures leave nobody, a closed loop is over, long before its limit.
func TestNobodyIsLeft(t *testing.T) {
	r := load(t, &responder{breaks: 10}, phase{Operation: string(publishChanged), Principals: 5, Count: 1000, InFlight: 2})[0]
	if r.Finished != 5 || r.Failed != 5 || !strings.Contains(r.Limit, "nobody") {
		t.Errorf("%d done, %d failed, limited by %s", r.Finished, r.Failed, r.Limit)
	}
}

// An interrupted phase is reported, and what it left at the server is ended.
func TestInterrupted(t *testing.T) {
	set, agent := defaults(), &responder{}
	set.Server = serve(t, agent)
	set.Phases = []phase{{Operation: string(publishChanged), Principals: 2, Watchers: 1, Rate: 100, Duration: duration{time.Minute}}}
	if err := set.check(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	interrupted, interrupt := context.WithCancel(context.Background())
	context.AfterFunc(ctx, interrupt)
	c := &command{set: set, server: &server{proc: "/proc"}, json: filepath.Join(t.TempDir(), "missing", "r.json")}
	r, err := c.execute(interrupted)
	if err == nil || !strings.Contains(err.Error(), "interrupted") || len(r.Results) != 1 || !r.Results[0].Cut || r.Results[0].Finished == 0 {
		t.Fatalf("%v, %+v", err, r.Results)
	}
	var table bytes.Buffer
	if err := c.write(r, &table); err == nil || !strings.Contains(table.String(), "CUT SHORT") {
		t.Errorf("%v, and the table:\n%s", err, table.String())
	}
	if n := agent.watching(); n != 0 {
		t.Errorf("%d subscriptions are left", n)
	}
}

func TestOpenLoop(t *testing.T) {
	results := load(t, &responder{},
		phase{Name: "first", Operation: string(publishRefresh), Principals: 50, Rate: 500, Duration: duration{400 * time.Millisecond}},
		phase{Name: "half", Operation: string(publishRefresh), Principals: 50, Of: "first", Fraction: 0.5, Duration: duration{400 * time.Millisecond}},
		phase{Name: "mixed", Principals: 20, Watchers: 2, Rates: map[string]float64{"publish-changed": 100, "message": 50}, Duration: duration{400 * time.Millisecond}})
	for i, want := range []float64{500, 250, 150} {
		if r := results[i]; r.Offered < 0.8*want || r.Offered > 1.1*want || r.Rate < 0.7*want || r.Rate > 1.2*want {
			t.Errorf("%s: %v offered, %v done a second; want %v", r.Phase.Name, r.Offered, r.Rate, want)
		}
	}
	var svg, table bytes.Buffer
	if err := plot(&svg, "a <title>", results[:2]); err != nil || !strings.Contains(svg.String(), "p99.9") || !strings.Contains(svg.String(), "a &lt;title&gt;") || !strings.Contains(svg.String(), "publish-refresh, answer)") {
		t.Errorf("plot: %v\n%s", err, svg.String())
	}
	r := report{Results: results}
	if err := r.writeTable(&table); err != nil || !strings.Contains(table.String(), "mixed") {
		t.Errorf("table: %v\n%s", err, table.String())
	}
	var back map[string]any
	if err := r.writeJSON(&table); err != nil {
		t.Error(err)
	}
	encoded, err := json.Marshal(results[0])
	if err == nil {
		err = json.Unmarshal(encoded, &back)
	}
	if err != nil || back["rate_per_second"] == nil || back["notifies"] == nil {
		t.Errorf("JSON: %v %s", err, encoded)
	}
}

func TestLostRequestIsSentAgain(t *testing.T) {
	r := load(t, &responder{forgetful: true}, phase{Operation: string(register), Principals: 1, Count: 1, InFlight: 1})[0]
	if r.Finished != 1 || r.Retransmissions != 1 || r.Seconds < 0.5 {
		t.Errorf("%d done after %.2f s, %d sent again", r.Finished, r.Seconds, r.Retransmissions)
	}
}

func TestRefusedSetUpFails(t *testing.T) {
	set := defaults()
	set.Server = serve(t, &responder{challenge: true})
	set.Phases = []phase{{Operation: string(publishChanged), Principals: 500}}
	if err := set.check(); err != nil {
		t.Fatal(err)
	}
	c := &command{set: set, server: &server{proc: "/proc"}}
	if _, err := c.execute(context.Background()); err == nil || !strings.Contains(err.Error(), "publish-initial 401") {
		t.Errorf("without a password: %v", err)
	}
}

func TestFractionOfNothingFails(t *testing.T) {
	set := defaults()
	set.Server = serve(t, &responder{})
	set.Phases = []phase{
		{Name: "rest", Operation: string(pause), Duration: duration{10 * time.Millisecond}},
		{Name: "half", Operation: string(publishChanged), Of: "rest", Fraction: 0.5}}
	if err := set.check(); err != nil {
		t.Fatal(err)
	}
	c := &command{set: set, server: &server{proc: "/proc"}}
	if _, err := c.execute(context.Background()); err == nil || !strings.Contains(err.Error(), "finished nothing") {
		t.Errorf("%v", err)
	}
}

func TestDeadWatchers(t *testing.T) {
	r := load(t, &responder{}, phase{Operation: string(publishChanged), Principals: 1, Watchers: 10, Dead: 4, Count: 3, InFlight: 1})[0]
	if r.Finished != 3 || r.Unanswered != 12 || r.Notifies != 18 || r.Missing != 0 {
		t.Errorf("%d done, %d to the dead, %d to the living, %d missing", r.Finished, r.Unanswered, r.Notifies, r.Missing)
	}
}

// The dead of one phase live in the next, and others die.
func TestDeadOfEachPhase(t *testing.T) {
	all := load(t, &responder{},
		phase{Name: "none", Operation: string(publishChanged), Principals: 1, Watchers: 10, Count: 1, InFlight: 1},
		phase{Name: "one", Operation: string(publishChanged), Principals: 1, Watchers: 10, Dead: 1, Count: 2, InFlight: 1},
		phase{Name: "five", Operation: string(publishChanged), Principals: 1, Watchers: 10, Dead: 5, Count: 1, InFlight: 1})
	for i, want := range []struct{ living, dead int }{{10, 0}, {18, 2}, {5, 5}} {
		if r := all[i]; r.Notifies != want.living || r.Unanswered != want.dead || r.Failed != 0 || r.Missing != 0 {
			t.Errorf("phase %d: %d to the living, %d to the dead, %d failed, %d missing", i, r.Notifies, r.Unanswered, r.Failed, r.Missing)
		}
	}
}

// Each of the dead has a socket of its own, and they stand among the living.
func TestTheDeadStandApart(t *testing.T) {
	set := defaults()
	set.Server = serve(t, &responder{})
	g, err := newGenerator(t.Context(), set)
	if err != nil {
		t.Fatal(err)
	}
	defer g.close()
	if err := g.bury(shape{1, 10, 2}); err != nil {
		t.Fatal(err)
	}
	g.world.grow(12)
	for watcher, want := range map[int32]int{0: 0, 1: 1, 2: 0, 5: 0, 6: 2, 7: 0, 11: 0} {
		if got := g.linkOf(watcher); got != want {
			t.Errorf("principal %d has link %d, want %d", watcher, got, want)
		}
	}
	if err := g.bury(shape{1, 1, 2}); err == nil {
		t.Error("more are dead than there are")
	}
}

func TestCommandLine(t *testing.T) {
	workload := filepath.Join(t.TempDir(), "w.toml")
	if err := os.WriteFile(workload, []byte("server = \"udp:127.0.0.1:9\"\n[[phase]]\noperation = \"pause\"\nduration = \"1ms\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		exit int
		out  string
	}{
		{"help", 0, "publish-changed"},
		{"--help", 0, "in_flight = 100"},
		{"--scenario register --rate -1", 2, "negative"},
		{"--scenario register --rate NaN", 2, "negative"},
		{"--scenario register --rates 10", 2, "--plot"},
		{"--scenario register --plot x.png", 2, "SVG"},
		{"--scenario register --plot x.svg --rates 10,-1", 2, "no rate"},
		{"--workload " + workload + " --rate 5", 2, "--rate goes with"},
		{"", 2, "--scenario"},
		{"--scenario nothing", 2, "unknown scenario"},
		{"--scenario idle --server udp:192.0.2.1:5060", 1, "--i-own-this-network"},
		{"--scenario idle --server sctp:127.0.0.1:5060", 1, "is not udp"},
		{"--workload /does/not/exist", 2, "no such file"},
		{"--workload " + workload, 0, "pause"},
		{"--workload " + workload + " --server tcp:192.0.2.1:1", 1, "--i-own-this-network"},
	} {
		var out, errs bytes.Buffer
		if got := run(strings.Fields(c.args), &out, &errs); got != c.exit || !strings.Contains(out.String()+errs.String(), c.out) {
			t.Errorf("%q: exit %d, want %d and %q\n%s%s", c.args, got, c.exit, c.out, out.String(), errs.String())
		}
	}
}

func TestScenariosAreValid(t *testing.T) {
	for _, s := range scenarios {
		set := defaults()
		set.Phases = s.phases
		if err := set.check(); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
	}
}

func TestSettingsRefuse(t *testing.T) {
	for name, p := range map[string]phase{
		"nothing to do":     {},
		"both":              {Operation: "pause", Rates: map[string]float64{"message": 1}},
		"unknown operation": {Operation: "dance"},
		"unknown rate":      {Rates: map[string]float64{"dance": 1}},
		"of nobody":         {Operation: "message", Of: "nobody", Fraction: 1},
		"negative":          {Operation: "message", Rate: -1},
	} {
		set := defaults()
		set.Phases = []phase{p}
		if err := set.check(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
