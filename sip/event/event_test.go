package event_test

import (
	"testing"

	"presenced/sip/event"
)

func TestParseType(t *testing.T) {
	for _, c := range []struct {
		value string
		want  event.Type
		text  string
	}{
		{"presence", event.Type{Package: "presence"}, "presence"},
		{" Presence.WinFo ", event.Type{Package: "presence.winfo"}, "presence.winfo"},
		{"presence;id=ab7", event.Type{Package: "presence", ID: "ab7"}, "presence;id=ab7"},
		{"presence ; ID = Ab7 ; x=y", event.Type{Package: "presence", ID: "Ab7"}, "presence;id=Ab7"},
		{"dialog;call-id=\"x\";to-tag=1", event.Type{Package: "dialog"}, "dialog"},
		{"", event.Type{}, ""},
		{";id=1", event.Type{ID: "1"}, ";id=1"},
	} {
		got := event.ParseType(c.value)
		if got != c.want || got.String() != c.text {
			t.Errorf("%q: %+v, written %q", c.value, got, got)
		}
	}
}

func TestSubscriptionState(t *testing.T) {
	for _, c := range []struct {
		state   event.State
		why     event.Reason
		seconds int
		want    string
	}{
		{event.Active, "", 600, "active;expires=600"},
		{event.Pending, "", 1, "pending;expires=1"},
		{event.Active, "", -5, "active;expires=0"},
		{event.Active, event.Timeout, 3, "active;expires=3"}, // a reason is for terminated only
		{event.Terminated, event.Timeout, 0, "terminated;reason=timeout"},
		{event.Terminated, event.Probation, 30, "terminated;reason=probation;retry-after=30"},
		{event.Terminated, "", 0, "terminated"},
	} {
		if got := string(event.AppendSubscriptionState([]byte("x"), c.state, c.why, c.seconds)); got != "x"+c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestNegotiate(t *testing.T) {
	const pidf, diff = "application/pidf+xml", "application/pidf-diff+xml"
	for _, c := range []struct {
		accept []string
		want   string
	}{
		{nil, pidf}, // RFC 3856 s.6.7: the default
		{[]string{pidf}, pidf},
		{[]string{"APPLICATION/PIDF+XML"}, pidf},
		{[]string{diff, pidf}, diff}, // both as dear, and named
		{[]string{diff, pidf + ";q=0.5"}, diff},
		{[]string{diff + ";q=0.4", pidf + "; q=0.5"}, pidf},
		{[]string{"application/*;q=0.3", diff}, diff},
		{[]string{"*/*"}, pidf},
		{[]string{"*/*", pidf + ";q=0"}, ""}, // the more specific range counts
		{[]string{pidf + ";q=0", "application/*"}, ""},
		{[]string{"*/*;q=1", pidf + ";q=0.1"}, pidf}, // what it does not name it need not know
		{[]string{"application/*;q=0.9", diff + ";q=0.2"}, pidf},
		{[]string{"text/*", "application/xml"}, ""},
		{[]string{pidf + ";q=0", diff + ";q=0"}, ""},
		{[]string{pidf + ";charset=utf-8;Q=0.7"}, pidf},
		{[]string{pidf + ";q=NaN"}, ""},
		{[]string{pidf + ";q=many"}, pidf}, // as if it were not there
		{[]string{"", "/", "*"}, ""},
	} {
		if got := event.Negotiate(c.accept, pidf, diff); got != c.want {
			t.Errorf("%q: %q, want %q", c.accept, got, c.want)
		}
	}
}

// FuzzEvent reads what a peer writes into Event and Accept. A type is written
// back as what reads the same, and only what is offered is chosen.
func FuzzEvent(f *testing.F) {
	for _, value := range []string{"presence", "Presence.winfo ; ID = 1;x", ";id=", "application/*;q=0.5", "*/*;q=NaN", "a/b;q=-1"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		read := event.ParseType(value)
		if again := event.ParseType(read.String()); again != read {
			t.Errorf("%q became %+v and then %+v", value, read, again)
		}
		switch got := event.Negotiate([]string{value}, "application/pidf+xml", "text/plain"); got {
		case "", "application/pidf+xml", "text/plain":
		default:
			t.Errorf("%q chose %q", value, got)
		}
	})
}
