package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"os"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"presenced/pidf"
)

// pidfType is the MIME type of presence documents (RFC 3863 s.5.1).
const pidfType = "application/pidf+xml"

// conditionalRequestFailed says that an entity-tag is not known (RFC 3903
// s.11.2.1).
const conditionalRequestFailed = 412

// publication is the presence that we publish, and the server's name for it
// (RFC 3903 s.4).
type publication struct {
	agent    *agent
	aor      sip.Uri // whose presence
	dialog   *dialog
	expires  uint
	document pidf.Presence
	etag     string // "" before the first and after it was lost
	reported bool
}

// publish publishes presence until Ctrl-C; with --once it leaves it to lapse.
func publish(ctx context.Context, a *agent, operands []string) error {
	status := pidf.Status(operands[0])
	if status != pidf.Open && status != pidf.Closed {
		return usageError("what is published is open or closed, not %q", operands[0])
	}
	aor, err := a.presentity()
	if err != nil {
		return err
	}
	// A delegate publishes in its own name (RFC 2779 s.2.3).
	p := &publication{agent: a, aor: aor, dialog: newDialog(a.account.uri, aor, aor), expires: a.options.expires}
	p.document = presence(aor, status, a.options, a.terminal.now())
	if a.options.once {
		_, err := p.obtain(ctx)
		return err
	}
	if err := a.keep(ctx, lease{name: "publication", obtain: p.obtain}); err != nil || p.etag == "" {
		return err
	}
	return p.remove()
}

// presence is the document that says what the command line says. The tuple's
// id is the same each time on the same machine, so that a new publication
// replaces one that was left behind. Its contact is the address-of-record: no
// watcher learns where we are (RFC 2779 s.5.1.17).
func presence(aor sip.Uri, status pidf.Status, o *options, now time.Time) pidf.Presence {
	host, err := os.Hostname()
	if err != nil {
		host = "messenger"
	}
	h := fnv.New32a()
	fmt.Fprint(h, host, aor.String())
	p := pidf.Presence{
		Entity: aor.String(),
		Tuples: []pidf.Tuple{{ID: fmt.Sprintf("m%08x", h.Sum32()), Status: status, Contact: aor.String(), Timestamp: now.UTC()}},
	}
	if o.note != "" {
		p.Notes = []pidf.Note{{Text: o.note}}
	}
	if len(o.activities) > 0 {
		p.Persons = []pidf.Person{{
			ID:         fmt.Sprintf("p%08x", h.Sum32()),
			Activities: []pidf.Enumeration{{Values: o.activities}},
			Timestamp:  now.UTC(),
		}}
	}
	return p
}

// obtain publishes, or refreshes what is published (RFC 3903 s.4.2, s.4.3). A
// publication that the server does not know any more is made anew (s.4.3: 412).
func (p *publication) obtain(ctx context.Context) (time.Duration, error) {
	c := content{fields: []sip.Header{sip.NewHeader("Event", "presence")}}
	if p.etag != "" {
		c.fields = append(c.fields, sip.NewHeader("SIP-If-Match", p.etag))
	} else {
		c.contentType, c.body = pidfType, p.document.Append(nil)
	}
	res, err := p.agent.lasting(ctx, p.dialog, sip.PUBLISH, &p.expires, c)
	if err != nil {
		return 0, err
	}
	if res.StatusCode == conditionalRequestFailed && p.etag != "" {
		p.etag = ""
		p.agent.out.notice("the server has forgotten the publication; it is published anew")
		return p.obtain(ctx)
	}
	if !res.IsSuccess() {
		return 0, refused(res)
	}
	if p.etag = headerValue(res, "SIP-ETag"); p.etag == "" {
		return 0, failed("PUBLISH was answered %d without an entity-tag (RFC 3903 s.11.3.1)", res.StatusCode)
	}
	life := granted(res, p.expires)
	p.report(life)
	return life, nil
}

// report tells once what is published.
func (p *publication) report(life time.Duration) {
	if p.reported {
		return
	}
	p.reported = true
	aor := p.aor
	s := summarise(&p.document)
	p.agent.out.tell(event{
		Event: "published", URI: aor.String(), Status: s.status, Notes: s.notes, Activities: s.activities,
		ETag: p.etag, Expires: int(life.Seconds()),
	}, "published: %s is %s", name(aor), strings.TrimPrefix(s.describe(""), "is "))
}

// remove takes the publication away (RFC 3903 s.4.5).
func (p *publication) remove() error {
	ctx, cancel := p.agent.goodbye()
	defer cancel()
	res, err := p.agent.do(ctx, p.dialog, sip.PUBLISH, content{fields: []sip.Header{
		sip.NewHeader("Event", "presence"), sip.NewHeader("SIP-If-Match", p.etag), expiresField(0),
	}})
	if err != nil {
		return p.agent.parting(err, "unpublished")
	}
	if !res.IsSuccess() && res.StatusCode != conditionalRequestFailed {
		return p.agent.parting(refused(res), "unpublished")
	}
	p.agent.out.tell(event{Event: "unpublished", URI: p.aor.String()}, "unpublished: %s", name(p.aor))
	return nil
}
