package partial

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"presenced/pidf"
)

// What a watcher does with a notification that it cannot use (RFC 5263 s.4.5).
var (
	ErrOld = errors.New("partial: a version that was there already: to be discarded")
	ErrGap = errors.New("partial: a notification was lost: the subscription is to be refreshed, which brings full state")
)

// Copy is a watcher's copy of a presentity's document during one subscription
// (RFC 5263 s.4.5). The zero value waits for the first notification.
type Copy struct {
	Document []byte      // in pidf's presence form; nil where there is none
	Version  uint32      // of the last notification that was taken
	Limits   pidf.Reader // on bodies and on the document; zero for the defaults

	begun bool
}

// Update takes the body of a NOTIFY with application/pidf-diff+xml. After an
// error the copy is as it was: it is ErrOld or ErrGap, or says why the body is no
// good, after which the subscription is to be refreshed as well.
func (c *Copy) Update(body []byte) error {
	d := new(pidf.Document)
	limits := c.Limits
	if limits.MaxElements <= 0 {
		limits.MaxElements = pidf.DefaultMaxElements
	}
	full, err := notifications.read(limits, d, body)
	if err != nil {
		return err
	}
	number, err := strconv.ParseUint(strings.TrimSpace(d.Root().Attribute("version")), 10, 32)
	if err != nil {
		return fmt.Errorf("partial: a notification without a version: %w", err) // RFC 5263 s.4.4: it MUST have one
	}
	version := uint32(number)
	switch {
	case c.begun && version <= c.Version:
		return ErrOld
	case full:
	case c.Document == nil || version != c.Version+1:
		return ErrGap
	}
	document, err := notifications.publish(c.Document, body, &limits)
	if err != nil {
		return err
	}
	c.Document, c.Version, c.begun = document, version, true
	return nil
}

// Discard forgets the document but not the version: for when the agent changes
// to another content type within the subscription.
func (c *Copy) Discard() { c.Document = nil }
