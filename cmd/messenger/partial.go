package main

import (
	"errors"

	"presenced/pidf"
	"presenced/pidf/partial"
)

// partialPresence is the package "presence" for one subscription that prefers
// partial notifications (RFC 5263 s.4.2).
func partialPresence() *eventPackage {
	var copied partial.Copy
	return &eventPackage{
		name:   presencePackage.name,
		accept: partial.ContentType + ", " + pidfType + ";q=0.5",
		types:  []string{partial.ContentType, pidfType},
		begin:  func() { copied = partial.Copy{} }, // the version is the subscription's (s.4.4)
		read: func(n *notification, kind string, body []byte) error {
			if kind == pidfType { // s.4.5: the copy goes, the version stays
				copied.Discard()
				return n.readPresence(body)
			}
			return n.update(&copied, body)
		},
	}
}

// update changes a watcher's copy by a partial notification (RFC 5263 s.4.5).
func (n *notification) update(c *partial.Copy, body []byte) error {
	err := c.Update(body)
	switch {
	case errors.Is(err, partial.ErrOld): // the agent's fault: discarded, the copy stands
	case errors.Is(err, partial.ErrGap):
		n.lost = true
		return nil
	case err != nil:
		n.lost = true
		return err
	}
	if c.Document == nil {
		return nil
	}
	return n.readPresence(c.Document)
}

// readPresence reads a presence document.
func (n *notification) readPresence(body []byte) error {
	document, err := pidf.Parse(body)
	if err == nil {
		n.presence, n.document = new(summarise(document.Presence())), string(body)
	}
	return err
}
