package presence_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"presenced/internal/filter"
	"presenced/internal/notifier"
	"presenced/pidf/partial"
	"presenced/policy"
	"presenced/sip"
	"presenced/sip/event"
)

// filterOf is a filter with this content, and the name of a view through it.
func filterOf(t testing.TB, content string) (f *filter.Filter, through func(view string) string) {
	t.Helper()
	change, err := filter.Parse([]byte(`<filter-set xmlns="urn:ietf:params:xml:ns:simple-filter"><ns-bindings>`+
		`<ns-binding prefix="p" urn="urn:ietf:params:xml:ns:pidf"/></ns-bindings><filter id="f">`+content+`</filter></filter-set>`),
		filter.Subscription{Resource: bob})
	if err != nil {
		t.Fatal(err)
	}
	set, err := filter.Merge(nil, change)
	if err != nil {
		t.Fatal(err)
	}
	f = set.For(bob)
	return f, func(view string) string { return view + notifier.ViewFilter + f.Key() }
}

func (f *fixture) state(t testing.TB) notifier.State {
	t.Helper()
	s, err := f.State(t.Context(), bobKey)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Through any filter, a watcher that is blocked politely sees what one sees of
// somebody who is offline, with the same entity-tag (RFC 4660 s.5.3.1).
func TestFilteredOffline(t *testing.T) {
	gone, there := newFixture(t), newFixture(t)
	there.publish(t, document(bob, "open"))
	there.SetDefaults(&policy.AccessRules{Default: policy.PoliteBlock, Local: func(string) bool { return true }})
	d, err := there.Decide(t.Context(), bobKey, sip.Identity{AOR: "sip:carol@example.com"})
	if err != nil || d.State != event.Active {
		t.Fatalf("%+v, %v", d, err)
	}
	for _, content := range []string{
		`<what><include>//p:tuple</include></what>`,
		`<what><include>//p:tuple[p:status/p:basic="open"]</include></what>`,
		`<what><include>//p:basic</include><exclude>//p:note</exclude></what>`,
		`<what><exclude>//p:tuple</exclude></what>`,
	} {
		_, through := filterOf(t, content)
		blocked, offline := there.body(t, through(d.View)), gone.body(t, through("full"))
		if !bytes.Equal(blocked.Bytes, offline.Bytes) || blocked.Hash != offline.Hash || blocked.Type != offline.Type {
			t.Errorf("%s: blocked\n%s\noffline\n%s", content, blocked.Bytes, offline.Bytes)
		}
		full := there.state(t).(notifier.Partial).Document(through(d.View), nil, 1)
		if want := gone.state(t).(notifier.Partial).Document(through("full"), nil, 1); !bytes.Equal(full.Bytes, want.Bytes) {
			t.Errorf("%s: blocked, in partial form\n%s", content, full.Bytes)
		}
	}
}

// Triggers do not tell of what the rules hide (RFC 4660 s.5.3.2).
func TestTriggersBehindRules(t *testing.T) {
	f := newFixture(t)
	law := &lawOf{}
	law.set(t, `<cp:rule id="a"><cp:conditions><cp:identity><cp:many/></cp:identity></cp:conditions><cp:actions><sub-handling>allow</sub-handling></cp:actions>`+
		`<cp:transformations><provide-services><all-services/></provide-services></cp:transformations></cp:rule>`)
	f.Rules = law
	d, err := f.Decide(t.Context(), bobKey, sip.Identity{AOR: "sip:carol@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	noted := func(status, note string) string {
		return strings.Replace(document(bob, status), "</tuple>", "<note>"+note+"</note></tuple>", 1)
	}
	onNote, _ := filterOf(t, `<trigger><changed>//p:tuple/p:note</changed></trigger>`)
	onStatus, _ := filterOf(t, `<trigger><changed>//p:basic</changed></trigger>`)
	tag := f.publish(t, noted("open", "one"))
	before := f.state(t).(notifier.Filtered)
	f.publish(t, noted("closed", "two"), "SIP-If-Match: "+tag)
	now := f.state(t).(notifier.Filtered)
	for _, c := range []struct {
		name string
		f    *filter.Filter
		view string
		want bool
	}{
		{"the note, seen", onNote, "full", true},
		{"the note, hidden", onNote, d.View, false},
		{"the status, hidden from nobody", onStatus, d.View, true},
	} {
		if got := now.Triggers(c.view, c.f, before); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
		if now.Triggers(c.view, c.f, now) {
			t.Errorf("%s: nothing has changed", c.name)
		}
	}
}

// rich is a publication of the size that soft phones send, with an activity.
func rich(activity string) string {
	var b strings.Builder
	b.WriteString(`<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:r="urn:ietf:params:xml:ns:pidf:rpid" entity="` + bob + `">`)
	for i := range 3 {
		fmt.Fprintf(&b, `<tuple id="device%d"><status><basic>open</basic></status><r:class>class%d</r:class><dm:deviceID>urn:uuid:00000000-0000-0000-0000-00000000000%d</dm:deviceID>`+
			`<contact priority="0.%d">sip:bob@device%d.example.com</contact><timestamp>2026-01-02T03:04:05Z</timestamp></tuple>`, i, i, i, i, i)
	}
	return b.String() + `<dm:person id="bob"><r:activities><r:` + activity + `/></r:activities><r:mood><r:happy/></r:mood><dm:note>At my desk, mostly.</dm:note></dm:person></presence>`
}

// BenchmarkPartialDocument is the body of one of many NOTIFYs that tell of a
// change of one activity. Reported are its size and that of the whole.
func BenchmarkPartialDocument(b *testing.B) {
	f := newFixture(b)
	tag := f.publish(b, rich("busy"))
	before := f.state(b)
	f.publish(b, rich("away"), "SIP-If-Match: "+tag)
	now := f.state(b).(notifier.Partial)
	b.ReportAllocs()
	version := uint32(1)
	var body notifier.Body
	for b.Loop() {
		version++
		body = now.Document("full", before, version)
	}
	if body.Type != partial.ContentType || !bytes.Contains(body.Bytes, []byte("pidf-diff ")) {
		b.Fatalf("%s", body.Bytes)
	}
	b.ReportMetric(float64(len(body.Bytes)), "B/partial")
	b.ReportMetric(float64(len(now.Body("full").Bytes)), "B/whole")
}

// BenchmarkFiltered is the making of a filtered view of a new state.
func BenchmarkFiltered(b *testing.B) {
	f := newFixture(b)
	_, through := filterOf(b, `<what><include>//p:tuple[p:status/p:basic="open"]</include></what>`)
	view := through("full")
	tag := f.publish(b, rich("busy"))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		tag = f.publish(b, strings.Replace(rich("busy"), "mostly", fmt.Sprint(i), 1), "SIP-If-Match: "+tag)
		s := f.state(b)
		b.StartTimer()
		if len(s.Body(view).Bytes) == 0 {
			b.Fatal("nothing")
		}
	}
}
