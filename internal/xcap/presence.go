package xcap

import (
	"errors"
	"net/http"

	"presenced/pidf"
	"presenced/sip"
)

// presenceType is the media type of permanent presence (RFC 4827 s.5).
const presenceType = "application/pidf+xml"

// presence judges permanent presence information. RFC 4827 s.7 has no constraint but PIDF's own; PIDF's is that the
// entity is the presentity (RFC 3863 s.4.1.1). It is read as that of a PUBLISH is, and as lax: what is made of it for
// watchers is valid in any case.
func presence(doc []byte, owner string) error {
	d, err := pidf.Parse(doc)
	if errors.Is(err, pidf.ErrTooLarge) {
		return refuse(http.StatusRequestEntityTooLarge, err.Error())
	} else if err != nil {
		return err
	}
	if entity, err := sip.ParseURI(d.Entity()); err != nil || entity.AOR() != owner {
		return &conflict{constraintFailure, "the entity of the document is not " + owner}
	}
	return nil
}
