package composition_test

import (
	"fmt"
	"testing"

	"presenced/internal/store"
	"presenced/sip/siptest/schema"
)

// device is one that publishes, from a host of its own.
type device struct {
	said
	number int // in the order in which they came
}

func (d device) publication() store.Publication {
	return store.Publication{ID: fmt.Sprintf("%d", d.number), Body: []byte(d.document), Source: fmt.Sprintf("192.0.2.%d", d.number), UserAgent: d.program()}
}

func (d device) binding() store.Binding {
	return store.Binding{Contact: fmt.Sprintf("sip:alice@192.0.2.%d", d.number), UserAgent: d.program()}
}

// silent is telepathy-rakia, which registers only.
var silent = store.Binding{Contact: "sip:alice@192.0.2.99", UserAgent: "rakia/0.8"}

// together composes what devices have published, the one that changed last
// last, with bindings, twice.
func together(t *testing.T, bindings []store.Binding, devices ...device) string {
	t.Helper()
	var last string
	for range 2 {
		d, c := newDesk()
		p := store.Publications{Version: 1}
		for _, one := range devices {
			p.List = append(p.List, one.publication())
		}
		d.all[aliceKey] = p
		d.bindings = store.Registration{Version: 1, Bindings: bindings}
		composed := string(document(t, c, aliceKey).Bytes)
		if last != "" && composed != last {
			t.Errorf("two compositions of the same differ:\n%s\n%s", last, composed)
		}
		last = composed
	}
	return schema.Collect("application/pidf+xml", last)
}

var aliceKey = store.Key{AOR: presentity, Package: "presence"}

// expect holds a document against what each client's user would expect.
func expect(t *testing.T, document string, bindings []store.Binding, devices ...device) {
	t.Helper()
	open, online, activity := false, false, ""
	for _, d := range devices {
		open, online = open || d.open, online || d.online
		if d.activity != "" {
			activity = d.activity
		}
	}
	for _, b := range bindings {
		open = open || b.UserAgent == silent.UserAgent
	}
	for client, reader := range readers {
		if got, want := reader(t, document), shows(client, open, online, activity); got != want {
			t.Errorf("%s shows %q, want %q:\n%s", client, got, want, document)
		}
	}
}

// TestDevicesShown composes each pair of what five clients publish, whoever
// came first and whoever spoke last, registered or not and with a fifth that
// is only registered; then one of the two has gone, by taking back what it
// published or without a word.
func TestDevicesShown(t *testing.T) {
	for _, first := range published {
		for _, second := range published {
			t.Run(first.String()+" and "+second.String(), func(t *testing.T) {
				a, b := device{first, 1}, device{second, 2}
				for _, others := range [][]store.Binding{nil, {silent}} {
					bindings := append([]store.Binding{a.binding(), b.binding()}, others...)
					var ids [2]string
					for i, order := range [][]device{{a, b}, {b, a}} {
						d := together(t, bindings, order...)
						expect(t, d, bindings, order...)
						ids[i] = whole(t, d, first, second)
					}
					if ids[0] != ids[1] {
						t.Errorf("ids were %s and became %s", ids[0], ids[1])
					}
					expect(t, together(t, others, a, b), others, a, b)
					for i, left := range []device{a, b} {
						bindings[1-i].Withdrawn, bindings[i].Withdrawn = true, false
						expect(t, together(t, bindings, left), bindings, left)
						others := append([]store.Binding{left.binding()}, others...)
						expect(t, together(t, others, left), others, left)
					}
				}
			})
		}
	}
}

// whole finds a tuple of each client, with an id of its own, and at most one
// person in a document. It returns whose id is which.
func whole(t *testing.T, document string, all ...said) (ids string) {
	t.Helper()
	d := read(t, document)
	if len(d.Persons) > 1 {
		t.Errorf("%d persons:\n%s", len(d.Persons), document)
	}
	known := map[string]bool{}
	tuples := 0
	for _, tuple := range d.Tuples {
		if known[tuple.ID] {
			t.Errorf("the id %s twice:\n%s", tuple.ID, document)
		}
		known[tuple.ID] = true
		if tuple.ID != "registered" {
			tuples++
		}
		ids += fmt.Sprintf(" %s=%s%s%s", tuple.ID, tuple.Status.Basic, tuple.Contact, tuple.Notes)
	}
	if tuples != len(all) {
		t.Errorf("%d tuples of %d:\n%s", tuples, len(all), document)
	}
	return ids
}

// TestDevicesRegisteredOnly: with nothing published, whoever is registered is
// seen by its registration, unless it has taken back what it had published.
func TestDevicesRegisteredOnly(t *testing.T) {
	offline := device{said{client: "linphone"}, 1}.binding()
	offline.Withdrawn = true
	for _, tt := range []struct {
		name     string
		bindings []store.Binding
		open     bool
	}{
		{"nobody", nil, false},
		{"rakia", []store.Binding{silent}, true},
		{"linphone that went offline", []store.Binding{offline}, false},
		{"linphone that went offline, and rakia", []store.Binding{offline, silent}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := together(t, tt.bindings)
			for client, reader := range readers {
				if got, want := reader(t, d), shows(client, tt.open, false, ""); got != want {
					t.Errorf("%s shows %q, want %q:\n%s", client, got, want, d)
				}
			}
		})
	}
}

// TestTwoOfOneProgram: on two hosts they are two devices although all that
// they publish is the same; on one host the second one is the first begun anew.
func TestTwoOfOneProgram(t *testing.T) {
	for _, s := range published {
		one, other := device{s, 1}.publication(), device{s, 2}.publication()
		for source, want := range map[string]int{other.Source: 2, one.Source: 1} {
			other.Source = source
			d, c := newDesk()
			d.all[aliceKey] = store.Publications{Version: 1, List: []store.Publication{one, other}}
			if got := len(read(t, string(document(t, c, aliceKey).Bytes)).Tuples); got != want {
				t.Errorf("%v from %s and %s: %d tuples", s, one.Source, source, got)
			}
		}
	}
}
