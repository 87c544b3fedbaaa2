package presence

import (
	"context"
	"errors"

	"presenced/internal/store"
	"presenced/pidf"
	"presenced/pidf/partial"
	"presenced/sip"
)

// patched is the event state after a partial publication, a presence document
// (RFC 5264 s.4.3). Nothing is stored here: the entity-tag that the state was
// read under is the one that the store then compares, so that a publication that
// has changed meanwhile is a 412, and the patch is applied wholly or not at all.
func (a *Agent) patched(ctx context.Context, body []byte, key store.Key, ifMatch string) ([]byte, error) {
	var before []byte
	if ifMatch != "" {
		var err error
		if before, err = a.published(ctx, key, ifMatch); err != nil {
			return nil, err
		}
	}
	after, err := partial.Publish(before, body, &a.reader)
	if err != nil {
		return nil, unpatched(err)
	}
	// A patch may have changed the entity as well. The document is held against
	// what a full one is, and against nothing else.
	if err := a.check(string(after), key.AOR); err != nil {
		return nil, err
	}
	return after, nil
}

// published is the stored body of the publication with an entity-tag.
func (a *Agent) published(ctx context.Context, key store.Key, tag string) ([]byte, error) {
	pubs, err := a.Store.Publications(ctx, key)
	if err != nil {
		return nil, refusal(err)
	}
	for _, p := range pubs.List {
		if p.Tag == tag {
			return p.Body, nil
		}
	}
	return nil, sip.Errorf(sip.StatusConditionalFailed, "")
}

// unpatched is the refusal of a partial publication: 400 for whatever is wrong
// in the body, with the error condition where there is one; 413 for a body, or
// what it would make, that is too large; all else is a 500 (RFC 5264 s.4.3.2).
func unpatched(err error) error {
	var patch *partial.PatchError
	var syntax *pidf.SyntaxError
	switch {
	case errors.As(err, &patch):
		return sip.Errorf(sip.StatusBadRequest, "%s", patch.Name).
			WithBody(partial.ErrorContentType, patch.Document()).Because(err)
	case errors.Is(err, partial.ErrInitial):
		return sip.Errorf(sip.StatusBadRequest, "Invalid Partial Publication").Because(err)
	case errors.As(err, &syntax):
		return unreadable(err)
	}
	return err
}
