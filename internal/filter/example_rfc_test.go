package filter

import (
	"errors"
	"strings"
	"testing"
)

// presentity is the resource of the RFCs' examples.
const presentity = "sip:presentity@example.com"

func exampleFilter(t *testing.T, body, resource string) *Filter {
	t.Helper()
	s, err := Parse([]byte(body), Subscription{Resource: resource})
	if err != nil {
		t.Fatal(err)
	}
	if s, err = Merge(nil, s); err != nil {
		t.Fatal(err)
	}
	return s.For(resource)
}

// RFC 4660 s.7.1.1, s.7.1.2, s.7.2.1 and s.7.2.2: what the notification has.
func TestExampleContents(t *testing.T) {
	for _, test := range []struct{ filter, document, want string }{
		{"rfc4660-s7.1.1-filter-set-1", "rfc4660-s7.1-presence-1", "rfc4660-s7.1.1-presence-1"},
		{"rfc4660-s7.1.2-filter-set-1", "rfc4660-s7.1-presence-1", "rfc4660-s7.1.2-presence-1"},
		{"rfc4660-s7.2.1-filter-set-1", "rfc4660-s7.2-watcherinfo-1", "rfc4660-s7.2.1-watcherinfo-1"},
		{"rfc4660-s7.2.2-filter-set-1", "rfc4660-s7.2-watcherinfo-1", "rfc4660-s7.2.2-watcherinfo-1"},
		{"rfc4660-s7.2.3-filter-set-1", "rfc4660-s7.2.3-watcherinfo-1", "rfc4660-s7.2.3-watcherinfo-2"},
	} {
		f := exampleFilter(t, mended(example(t, test.filter)), presentity)
		got := string(f.Apply(nil, parseDocument(t, validIDs(example(t, test.document)))))
		if canonical(got) != canonical(validIDs(example(t, test.want))) {
			t.Errorf("%s:\n%s\nwant\n%s", test.filter, got, example(t, test.want))
		}
		emit([]byte(got))
	}
}

// mended puts the filter of RFC 4660 s.7.2.3 into the namespace that it means.
func mended(body string) string {
	return strings.Replace(body, "simple-winfo-filter", "simple-filter", 1)
}

// validIDs makes the tuples' ids, which begin with digits, XML names.
func validIDs(document string) string {
	return strings.ReplaceAll(document, `id="432sd"`, `id="t432sd"`)
}

// RFC 4660 s.7.1.3: two closed tuples are no NOTIFY, one that opens is one. (The
// document that the RFC prints in that NOTIFY has the other tuple open.)
func TestExampleTriggers(t *testing.T) {
	f := exampleFilter(t, example(t, "rfc4660-s7.1.3-filter-set-1"), presentity)
	first := parseDocument(t, example(t, "rfc4660-s7.1-presence-1"))
	second := parseDocument(t, example(t, "rfc4660-s7.1.3-presence-1"))
	third := parseDocument(t, example(t, "rfc4660-s7.1.3-presence-2"))
	if !f.Triggers(nil, first) || f.Triggers(first, second) || !f.Triggers(second, third) || f.Triggers(third, third) {
		t.Error(f.Triggers(nil, first), f.Triggers(first, second), f.Triggers(second, third), f.Triggers(third, third))
	}
	if got := string(f.Apply(nil, third)); got != third.Bytes() || f.Key() != "" {
		t.Errorf("%q %s", f.Key(), got)
	}
	// RFC 4661 s.6.2 waits for CLOSED to be OPEN.
	if f := exampleFilter(t, example(t, "rfc4661-s6.2-filter-set-1"), presentity); f.Triggers(first, second) || !f.Triggers(second, third) {
		t.Error("in capitals")
	}
}

// RFC 4660 s.7.2.3: one watcher is rejected. Both examples of watcher
// information have an id thrice.
func TestExampleWatcherTriggers(t *testing.T) {
	first := parseDocument(t, example(t, "rfc4660-s7.2-watcherinfo-1"))
	second := parseDocument(t, example(t, "rfc4660-s7.2.3-watcherinfo-1"))
	body := example(t, "rfc4660-s7.2.3-filter-set-1")
	if _, err := Parse([]byte(body), Subscription{Resource: presentity}); !isNotAcceptable(err) {
		t.Errorf("the RFC's misprint in the namespace: %v", err)
	}
	f := exampleFilter(t, mended(body), presentity)
	if !f.Triggers(first, second) || f.Triggers(second, first) {
		t.Error("pending to terminated")
	}
	// RFC 4661 s.6.3: pending or waiting.
	f = exampleFilter(t, example(t, "rfc4661-s6.3-filter-set-1"), presentity)
	if f.Triggers(first, second) || !f.Triggers(second, first) {
		t.Error("to pending")
	}
	const fresh = `<watcher status="pending" id="new" event="subscribe">sip:new@example.com</watcher></watcher-list>`
	if !f.Triggers(second, parseDocument(t, strings.Replace(second.Bytes(), "</watcher-list>", fresh, 1))) {
		t.Error("a new watcher that is pending")
	}
	got := string(f.Apply(nil, first))
	if strings.Count(got, "<watcher ") != 1 || !strings.Contains(got, `status="pending"`) {
		t.Error(got)
	}
	emit([]byte(got))
}

func isNotAcceptable(err error) bool {
	var refused *Error
	return errors.As(err, &refused) && refused.Status == NotAcceptable
}

func TestExampleSets(t *testing.T) {
	// RFC 4660 s.4.1: each resource has its own.
	f := exampleFilter(t, example(t, "rfc4660-s4.1-filter-set-1"), "sip:alice@biloxi.com")
	if want := "urn:ietf:params:xml:ns:pidf\n+//n0:tuple/n0:status/n0:basic"; f.Key() != want {
		t.Errorf("%q", f.Key())
	}
	f = exampleFilter(t, example(t, "rfc4660-s4.1-filter-set-1"), "sip:sarah@example.com")
	if want := "urn:ietf:params:xml:ns:pidf\n+n0\n-//n0:tuple/n0:note"; f.Key() != want {
		t.Errorf("%q", f.Key())
	}
	// RFC 4661 s.6.1
	f = exampleFilter(t, example(t, "rfc4661-s6.1-filter-set-1"), presentity)
	if want := "urn:ietf:params:xml:ns:pidf urn:ietf:params:xml:ns:pidf:rpid\n" +
		`+/n0:presence/n0:tuple[n1:class="IM" or n1:class="MMS" or n1:class="SMS"]/n0:status/n0:basic`; f.Key() != want {
		t.Errorf("%q", f.Key())
	}
	// RFC 4661 s.6.4
	f = exampleFilter(t, example(t, "rfc4661-s6.4-filter-set-1"), "sip:buddylist@example.com")
	if want := "urn:ietf:params:xml:ns:pidf\n+n0"; f.Key() != want {
		t.Errorf("%q", f.Key())
	}
	// RFC 4661 s.6.5 does not bind the prefix pidf: s.5 wants it bound.
	var refused *Error
	_, err := Parse([]byte(example(t, "rfc4661-s6.5-filter-set-1")), Subscription{Resource: bob})
	if !errors.As(err, &refused) || refused.Status != NotAcceptable || refused.Reason != `include: prefix "pidf" is not bound in ns-bindings` {
		t.Error(err)
	}
	// RFC 4661 s.6.6
	f = exampleFilter(t, example(t, "rfc4661-s6.6-filter-set-1"), "sip:bob@example.com")
	if want := "urn:ietf:params:xml:ns:pidf\n+n0\n-/n0:presence/n0:tuple/n0:note"; f.Key() != want {
		t.Errorf("%q", f.Key())
	}
	got := string(f.Apply(nil, parseDocument(t, typical)))
	if strings.Contains(got, "On the train") || !strings.Contains(got, "In Tokyo next week") || strings.Contains(got, "rpid:") {
		t.Error(got)
	}
	emit([]byte(got))
}
