package presence

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"presenced/internal/store"
	"presenced/pidf"
	"presenced/pidf/partial"
	"presenced/sip"
)

// Publish is the event state compositor's procedure for PUBLISH, step by step
// (RFC 3903 s.6). The Mux has made step 2 (Event) and the domain's part of
// step 1; order and atomicity are the serial queues' and the store's.
func (a *Agent) Publish(ctx context.Context, r *sip.Request) (*sip.Response, error) {
	presentity, err := a.presentity(ctx, r) // step 1: are we responsible?
	if err != nil {
		return nil, err
	}
	key := store.Key{AOR: presentity, Package: Name}
	ifMatch, err := entityTag(r) // step 3
	if err != nil {
		return nil, err
	}
	seconds, err := a.expires(r) // step 4
	if err != nil {
		return nil, a.unlessStale(ctx, key, ifMatch, err)
	}
	body, err := a.body(ctx, r, key, ifMatch, seconds) // step 5
	if err != nil {
		return nil, a.unlessStale(ctx, key, ifMatch, err)
	}
	tag := rand.Text()
	p := store.Publish{IfMatch: ifMatch, Limit: a.PerPresentity, Publication: store.Publication{
		ID: publicationID(time.Now()), Tag: tag, ContentType: mediaType, Body: body,
		Source: origin(r), UserAgent: r.Header("User-Agent"), TTL: time.Duration(seconds) * time.Second,
	}}
	if ifMatch != "" && seconds == 0 {
		if err := a.withdraw(ctx, key, ifMatch); err != nil {
			return nil, refusal(err)
		}
	}
	if ifMatch != "" || seconds > 0 { // step 5: nothing is stored for an initial one of no lifetime
		if err := a.Store.Publish(ctx, key, p); err != nil {
			return nil, refusal(err)
		}
	}
	return sip.NewResponse(sip.StatusOK, // step 6
		sip.Field{Name: "Expires", Value: strconv.Itoa(int(seconds))},
		sip.Field{Name: "SIP-ETag", Value: tag}), nil
}

// publicationID is a name for a publication that begins now. They sort by when
// they began, so that composed documents change as little as may be.
func publicationID(now time.Time) string {
	return fmt.Sprintf("%013x", now.UnixMicro()) + rand.Text()[:8]
}

// presentity is whose state is published. Only the presentity's own principal
// publishes for it, and whom that one has delegated (RFC 3903 s.14.1, RFC 2779
// s.2.3).
func (a *Agent) presentity(ctx context.Context, r *sip.Request) (string, error) {
	aor := r.AOR()
	switch {
	case aor == "":
		return "", sip.Errorf(sip.StatusNotFound, "")
	case r.Identity.AOR == aor:
		return aor, nil
	}
	delegated := false
	if a.Rules != nil && r.Identity.AOR != "" {
		var err error
		if delegated, err = a.Rules.MayPublish(ctx, r.Identity.AOR, aor); err != nil {
			return "", refusal(err)
		}
	}
	if !delegated {
		return "", sip.Errorf(sip.StatusForbidden, "Not your presentity")
	}
	return aor, nil
}

// entityTag is the SIP-If-Match; step 3: a single one, or 400.
func entityTag(r *sip.Request) (string, error) {
	if !r.Has("SIP-If-Match") {
		return "", nil
	}
	tag := r.Header("SIP-If-Match") // a second field was refused by the parser
	if tag == "" || strings.ContainsAny(tag, " \t,;\"") {
		return "", sip.Errorf(sip.StatusBadRequest, "SIP-If-Match needs one entity-tag")
	}
	return tag, nil
}

// expires is the lifetime that we grant, in seconds; step 4.
func (a *Agent) expires(r *sip.Request) (uint32, error) {
	seconds, given, err := r.Expires()
	switch {
	case err != nil:
		return 0, sip.Errorf(sip.StatusBadRequest, "Malformed Expires").Because(err)
	case !given:
		seconds = a.Expires.Default
	}
	if seconds > 0 && seconds < a.Expires.Min {
		return 0, sip.Errorf(sip.StatusIntervalTooBrief, "").With("Min-Expires", strconv.Itoa(int(a.Expires.Min)))
	}
	return min(seconds, a.Expires.Max), nil
}

// body is the event state to store, nil for a refresh or a removal; step 5.
func (a *Agent) body(ctx context.Context, r *sip.Request, key store.Key, ifMatch string, seconds uint32) ([]byte, error) {
	body := r.Body()
	switch {
	case len(body) == 0 && ifMatch == "":
		return nil, sip.Errorf(sip.StatusBadRequest, "An initial PUBLISH needs a body")
	case len(body) == 0 || ifMatch != "" && seconds == 0:
		return nil, nil
	case len(body) > a.MaxBody:
		return nil, sip.Errorf(sip.StatusRequestEntityTooLarge, "")
	}
	contentType, err := understood(r)
	if err != nil {
		return nil, err
	}
	if contentType == partial.ContentType {
		return a.patched(ctx, body, key, ifMatch)
	}
	if err := a.check(r.BodyText(), key.AOR); err != nil {
		return nil, err
	}
	return slices.Clone(body), nil // the datagram it stood in need not live on
}

// documents are used again: an accepted one is only looked at.
var documents = sync.Pool{New: func() any { return new(pidf.Document) }}

// check says whether body is a presence document about the presentity.
func (a *Agent) check(body, presentity string) error {
	doc := documents.Get().(*pidf.Document)
	defer documents.Put(doc)
	defer doc.Reset()
	if err := a.reader.ReadString(doc, body); err != nil {
		return unreadable(err)
	}
	if !isAbout(doc.Entity(), presentity) {
		return sip.Errorf(sip.StatusBadRequest, "The document is about another presentity")
	}
	return nil
}

// unreadable is the refusal of a body that is no document within the limits.
func unreadable(err error) error {
	code := sip.StatusBadRequest
	if errors.Is(err, pidf.ErrTooLarge) {
		code = sip.StatusRequestEntityTooLarge
	}
	return sip.Errorf(code, "%s", oneLine(err)).Because(err)
}

// isAbout says whether an entity is the presentity's URI, in whichever
// spelling; most are written as the address-of-record is.
func isAbout(entity, presentity string) bool {
	if entity == presentity {
		return true
	}
	u, err := sip.ParseURI(entity)
	return err == nil && u.AOR() == presentity
}

// Accepted are the media types of the bodies that a PUBLISH may have: PIDF,
// and what changes it (RFC 5264 s.4.1).
var Accepted = []string{mediaType, partial.ContentType}

// understood is the type of the body, if that and its encoding are ones that
// we know (RFC 3261 s.8.2.3).
func understood(r *sip.Request) (string, error) {
	contentType, _ := r.ContentType()
	if contentType != mediaType && contentType != partial.ContentType {
		return "", sip.Errorf(sip.StatusUnsupportedMediaType, "").With("Accept", strings.Join(Accepted, ", "))
	}
	if e := r.Header("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return "", sip.Errorf(sip.StatusUnsupportedMediaType, "").With("Accept-Encoding", "identity")
	}
	return contentType, nil
}

// unlessStale keeps the order of the RFC's steps: a request that fails steps 4
// or 5 and names an entity-tag that matches nothing has failed step 3 already.
func (a *Agent) unlessStale(ctx context.Context, key store.Key, ifMatch string, refusal error) error {
	if ifMatch == "" {
		return refusal
	}
	pubs, err := a.Store.Publications(ctx, key)
	if err != nil && !errors.Is(err, store.ErrLost) {
		return refusal
	}
	for _, p := range pubs.List {
		if p.Tag == ifMatch {
			return refusal
		}
	}
	return sip.Errorf(sip.StatusConditionalFailed, "")
}

// refusal is what the peer hears of the store's errors.
func refusal(err error) error {
	switch {
	case errors.Is(err, store.ErrNoMatch), errors.Is(err, store.ErrLost): // what is lost has no entity-tag
		return sip.Errorf(sip.StatusConditionalFailed, "").Because(err)
	case errors.Is(err, store.ErrLimit):
		return sip.Errorf(sip.StatusForbidden, "Too many publications").Because(err)
	case errors.Is(err, store.ErrUnavailable):
		return sip.Unavailable(err)
	}
	return err
}

// oneLine is an error's text, short enough for a reason phrase.
func oneLine(err error) string {
	const most = 120
	text := err.Error()
	if len(text) > most {
		text = text[:most]
	}
	return strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, text)
}
