package main

import (
	"context"
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

// publish publishes presence until Ctrl-C; with --once it leaves it to lapse,
// and with --permanent it is kept at the agent.
func publish(ctx context.Context, a *agent, operands []string) error {
	switch {
	case a.options.permanent:
		return a.publishPermanently(ctx, operands)
	case a.options.wholes() > 0:
		return usageError("--document, --put and --delete are about permanent presence: say --permanent")
	}
	aor, document, err := a.said(operands)
	if err != nil {
		return err
	}
	// A delegate publishes in its own name (RFC 2779 s.2.3).
	p := &publication{agent: a, aor: aor, dialog: newDialog(a.account.uri, aor, aor), expires: a.options.expires, document: document}
	if a.options.once {
		_, err := p.obtain(ctx)
		return err
	}
	if err := a.keep(ctx, lease{name: "publication", obtain: p.obtain}); err != nil || p.etag == "" {
		return err
	}
	return p.remove()
}

// said is what the command line says, and of whom.
func (a *agent) said(operands []string) (aor sip.Uri, document pidf.Presence, err error) {
	if len(operands) == 0 || operands[0] != string(pidf.Open) && operands[0] != string(pidf.Closed) {
		return aor, document, usageError("what is published is open or closed, not %q", strings.Join(operands, " "))
	}
	if aor, err = a.presentity(); err != nil {
		return aor, document, err
	}
	document, err = a.options.said.presence(aor, pidf.Status(operands[0]), a.terminal.now())
	return aor, document, err
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
	s := summarise(&p.document)
	e := event{Event: "published", URI: p.aor.String(), ETag: p.etag, Expires: int(life.Seconds())}
	s.fill(&e)
	e.Tuples = nil // there is one, and the status is its
	p.agent.out.tell(e, "published: %s %s", name(p.aor), s.describe(""))
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
