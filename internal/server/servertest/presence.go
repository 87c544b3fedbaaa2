package servertest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"presenced/sip"
)

// Document is a PIDF document of one tuple.
func Document(aor, basic, note string) string {
	return fmt.Sprintf(`<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="%s">`+
		`<tuple id="t1"><status><basic>%s</basic></status><contact>%s</contact><note>%s</note></tuple></presence>`, aor, basic, aor, note)
}

// Publication is a PUBLISH of the peer's own presence: without a note it is a
// refresh, without a tag an initial one.
func (p *Peer) Publication(tag, note string, expires int) Request {
	r := Request{Method: "PUBLISH", URI: p.AOR, Header: fmt.Sprintf("Event: presence\r\nExpires: %d\r\n", expires)}
	if tag != "" {
		r.Header += "SIP-If-Match: " + tag + "\r\n"
	}
	if note != "" {
		r.Header += "Content-Type: application/pidf+xml\r\n"
		r.Body = Document(p.AOR, "open", note)
	}
	return r
}

// Publish publishes and returns the new entity-tag.
func (p *Peer) Publish(to netip.AddrPort, tag, note string) string {
	p.t.Helper()
	return p.Do(to, p.Publication(tag, note, 3600), 200).Header("SIP-ETag")
}

// Registration is a REGISTER of the peer's Contact.
func (p *Peer) Registration(expires int) Request {
	return Request{Method: "REGISTER", URI: p.domain(), To: "<" + p.AOR + ">", Header: fmt.Sprintf("Expires: %d\r\n", expires)}
}

// domain is the domain of the peer's AOR as a URI.
func (p *Peer) domain() string { return "sip:" + p.AOR[strings.IndexByte(p.AOR, '@')+1:] }

// Dialog is one subscription of a peer.
type Dialog struct {
	*Peer
	Highest         uint32 // the highest CSeq seen
	Presentity      string
	callID, fromTag string
	toTag, target   string
	last            Notify
}

// NewDialog is a subscription to be made.
func (p *Peer) NewDialog(presentity string) *Dialog {
	return &Dialog{Peer: p, Presentity: presentity, callID: rand.Text(), fromTag: rand.Text()}
}

// Subscribe makes a new subscription and takes its first NOTIFY.
func (p *Peer) Subscribe(to netip.AddrPort, presentity string, expires int) *Dialog {
	p.t.Helper()
	d := p.NewDialog(presentity)
	d.Do(to, d.Request(expires), 200)
	d.Next()
	return d
}

// Request is a SUBSCRIBE inside the dialog, or the one that begins it.
func (d *Dialog) Request(expires int) Request {
	r := Request{Method: "SUBSCRIBE", URI: d.Presentity, To: "<" + d.Presentity + ">", CallID: d.callID, FromTag: d.fromTag,
		Header: fmt.Sprintf("Event: presence\r\nAccept: application/pidf+xml\r\nExpires: %d\r\n", expires)}
	if d.toTag != "" {
		r.URI, r.To = d.target, r.To+";tag="+d.toTag
	}
	return r
}

// Do is the peer's, and learns the dialog from the answer.
func (d *Dialog) Do(to netip.AddrPort, r Request, codes ...int) *Response {
	d.t.Helper()
	answer := d.Peer.Do(to, r, codes...)
	if answer.Code == 200 {
		if err := d.learn(answer); err != nil {
			d.t.Fatalf("%v\n%s", err, answer.Head)
		}
	}
	return answer
}

// Subscribe is Do with Request and 200, for goroutines that are not the
// test's own.
func (d *Dialog) Subscribe(to netip.AddrPort, expires int) error {
	answer, err := d.Send(to, d.Request(expires))
	switch {
	case err != nil:
		return err
	case answer == nil:
		return errors.New("no answer")
	case answer.Code != 200:
		return errors.New(answer.Head)
	}
	return d.learn(answer)
}

func (d *Dialog) learn(answer *Response) error {
	field, err := answer.To()
	if err != nil {
		return err
	}
	contact, err := sip.ParseAddress(answer.Header("Contact"))
	if err != nil {
		return fmt.Errorf("Contact of a 200: %w", err)
	}
	d.toTag, _ = field.Params.Get("tag")
	d.target = contact.URI.String()
	return nil
}

// Refresh sends a SUBSCRIBE inside the dialog and takes the NOTIFY that
// follows.
func (d *Dialog) Refresh(to netip.AddrPort, expires int) Notify {
	d.t.Helper()
	d.Do(to, d.Request(expires), 200)
	return d.Next()
}

// Next is the next NOTIFY; its CSeq must be higher than all before.
func (d *Dialog) Next() Notify {
	d.t.Helper()
	n, ok := d.Wait()
	if !ok {
		d.t.Fatalf("%s is not notified of %s", d.AOR, d.Presentity)
	}
	return n
}

// Wait is Next where the NOTIFY may be missing.
func (d *Dialog) Wait() (Notify, bool) {
	d.t.Helper()
	if !d.await(func() bool { return len(d.notify[d.callID]) > 0 }) {
		return Notify{}, false
	}
	return d.pop(), true
}

func (d *Dialog) pop() Notify {
	d.t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.notify[d.callID][0]
	d.notify[d.callID] = d.notify[d.callID][1:]
	if n.CSeq <= d.Highest {
		d.t.Errorf("CSeq %d follows %d in a dialog of %s", n.CSeq, d.Highest, d.AOR)
	}
	d.Highest, d.last = n.CSeq, n
	return n
}

// Until takes NOTIFYs until one's body or state has the text.
func (d *Dialog) Until(text string) Notify {
	d.t.Helper()
	for {
		n, ok := d.Wait()
		if !ok {
			d.t.Fatalf("%s is not told %q of %s; the last was %s\n%s", d.AOR, text, d.Presentity, d.last.State, d.last.Body)
		}
		if strings.Contains(n.Body, text) || strings.Contains(n.State, text) {
			return n
		}
	}
}

// Taken is every NOTIFY that has come and was not taken.
func (d *Dialog) Taken() []Notify {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := d.notify[d.callID]
	d.notify[d.callID] = nil
	return list
}

// Last is the NOTIFY that was taken last.
func (d *Dialog) Last() Notify { return d.last }

// Fetch is a SUBSCRIBE with Expires 0 outside a dialog: the one NOTIFY's body.
func (p *Peer) Fetch(to netip.AddrPort, presentity string) string {
	p.t.Helper()
	d := p.Subscribe(to, presentity, 0)
	if !strings.HasPrefix(d.last.State, "terminated") {
		p.t.Errorf("a fetch's NOTIFY is %q", d.last.State)
	}
	return d.last.Body
}
