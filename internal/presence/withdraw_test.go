package presence_test

import (
	"slices"
	"testing"
	"time"

	"presenced/internal/store"
)

// Who takes back what it has published is not seen by its registration either.
// Other programs of the presentity are, unless it is not known whose what is.
func TestWithdrawnRegistrations(t *testing.T) {
	for _, tt := range []struct {
		name       string
		publishers []string // User-Agents; the first one withdraws
		registered []string
		withdrawn  []bool
	}{
		{"itself", []string{"phone/1"}, []string{"phone/1"}, []bool{true}},
		{"another beside it", []string{"phone/1"}, []string{"phone/1", "rakia"}, []bool{true, false}},
		{"while another publishes", []string{"phone/1", "laptop"}, []string{"phone/1", "laptop"}, []bool{true, false}},
		{"one that does not say what it is", []string{"phone/1"}, []string{""}, []bool{true}},
		{"who published does not say", []string{""}, []string{"phone/1"}, []bool{true}},
		{"nor does it, and another publishes", []string{"", "laptop"}, []string{"phone/1"}, []bool{false}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			f.Agent.Registrations = f.Engine
			for i, program := range tt.publishers {
				p := store.Publish{Publication: store.Publication{ID: program, Tag: "tag" + program, UserAgent: program,
					Body: []byte(document(bob, "open")), Source: []string{"192.0.2.1", "192.0.2.2"}[i], TTL: time.Hour}}
				if err := f.Engine.Publish(t.Context(), bobKey, p); err != nil {
					t.Fatal(err)
				}
			}
			var live []store.Binding
			for _, program := range tt.registered {
				live = append(live, store.Binding{Contact: "sip:bob@192.0.2.7;by=" + program, UserAgent: program, TTL: time.Hour})
			}
			if _, err := f.UpdateBindings(t.Context(), bob, nil, func([]store.Binding) ([]store.Binding, error) { return live, nil }); err != nil {
				t.Fatal(err)
			}
			f.accepted(t, "", "SIP-If-Match: tag"+tt.publishers[0], "Expires: 0")
			r, err := f.Bindings(t.Context(), bob)
			var got []bool
			for _, b := range r.Bindings {
				got = append(got, b.Withdrawn)
			}
			if err != nil || !slices.Equal(got, tt.withdrawn) {
				t.Errorf("withdrawn %v, %v, want %v", got, err, tt.withdrawn)
			}
		})
	}
}
