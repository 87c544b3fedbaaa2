package presence

import (
	"context"
	"crypto/rand"
	"errors"

	"presenced/internal/store"
	"presenced/pidf"
)

// withdrawElders removes the publications that the one with the entity-tag
// hides, because the same device made them and has lost their entity-tags.
// When a device withdraws its state, its forgotten elder state must not come
// to light again: it would be online until that expires. What is removed here
// was not visible, so nobody is notified.
//
// Until then they stay: RFC 3903 s.4.1 lets one device hold several.
//
// COMPAT: baresip sends two initial PUBLISHes when it has registered and knows
// the second entity-tag only (TestElderStateStaysHidden).
//
// It returns how many of the publications are left then.
func (a *Agent) withdrawElders(ctx context.Context, key store.Key, list []store.Publication, newer int) (left int, err error) {
	left = len(list)
	for i := range newer {
		elder := &list[i]
		if !a.hides(&list[newer], elder) {
			continue
		}
		removal := store.Publish{IfMatch: elder.Tag, Publication: store.Publication{Tag: rand.Text()}}
		if err := a.Store.Publish(ctx, key, removal); err != nil && !errors.Is(err, store.ErrNoMatch) {
			return left, err
		}
		left--
	}
	return left, nil
}

// hides tells whether both are one program's on one host, and nothing of the
// elder is left in the composition.
func (a *Agent) hides(newer, elder *store.Publication) bool {
	if newer.UserAgent == "" || newer.UserAgent != elder.UserAgent || newer.Source != elder.Source {
		return false
	}
	var docs [2]pidf.Document
	if a.reader.Read(&docs[0], elder.Body) != nil || a.reader.Read(&docs[1], newer.Body) != nil {
		return false
	}
	device := newer.Source + " " + newer.UserAgent
	return pidf.Replaces(pidf.Source{Doc: &docs[1], Device: device}, pidf.Source{Doc: &docs[0], Device: device})
}
