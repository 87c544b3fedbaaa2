package main

import (
	"slices"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"presenced/watcherinfo"
)

// notification is what a NOTIFY says (RFC 6665 s.4.1.3).
type notification struct {
	state      string // active, pending, terminated; or an extension
	reason     string // of terminated; "" for none
	retryAfter time.Duration
	expires    time.Duration         // what is left of the subscription; 0: not said
	presence   *summary              // nil: no body, or one that cannot be read
	document   string                // what presence is the summary of
	lost       bool                  // full state is missing
	watchers   *watcherinfo.Document // likewise
	problem    string                // why it cannot be read
}

// eventPackage is an event package that is subscribed to.
type eventPackage struct {
	name   string
	accept string // the Accept of a SUBSCRIBE
	types  []string
	what   string // "the subscription to " and this is what people call it
	read   func(n *notification, kind string, body []byte) error
	begin  func() // a dialog begins; nil: nothing is kept from one NOTIFY to the next
}

var (
	presencePackage = eventPackage{
		name: "presence", accept: pidfType, types: []string{pidfType},
		read: func(n *notification, _ string, body []byte) error { return n.readPresence(body) },
	}
	winfoPackage = eventPackage{
		name: "presence.winfo", accept: watcherinfo.ContentType, types: []string{watcherinfo.ContentType}, what: "the watchers of ",
		read: func(n *notification, _ string, body []byte) (err error) {
			n.watchers, err = watcherinfo.Parse(body)
			return err
		},
	}
)

// readNotification reads a NOTIFY whose dialog is settled already. A reply with
// a code refuses it. A body of the right type that is malformed does not end
// the subscription: it is reported here, and the NOTIFY gets its 200, because
// what it says of the subscription was understood.
func (p *eventPackage) readNotification(r *sip.Request) (notification, reply) {
	var n notification
	event, parameter := parameters(headerValue(r, "Event"))
	if event != p.name {
		return n, reply{code: 489, reason: "Bad Event", fields: []sip.Header{sip.NewHeader("Allow-Events", p.name)}}
	}
	if parameter["id"] != "" { // RFC 6665 s.8.2.1: the SUBSCRIBE had none
		return n, reply{code: 481, reason: "Subscription Does Not Exist"}
	}
	n.state, parameter = parameters(headerValue(r, "Subscription-State"))
	if n.state == "" {
		return n, reply{code: 400, reason: "Subscription-State Missing"}
	}
	n.reason = strings.ToLower(parameter["reason"])
	n.retryAfter = retryAfter(parameter["retry-after"])
	n.expires = retryAfter(parameter["expires"])
	if len(r.Body()) == 0 {
		return n, reply{}
	}
	kind, _ := parameters(headerValue(r, "Content-Type"))
	coding := headerValue(r, "Content-Encoding")
	if !slices.Contains(p.types, kind) || coding != "" && !strings.EqualFold(coding, "identity") {
		return n, reply{code: 415, reason: "Unsupported Media Type", fields: []sip.Header{sip.NewHeader("Accept", strings.Join(p.types, ", "))}}
	}
	if err := p.read(&n, kind, r.Body()); err != nil {
		n.problem = printable(err.Error())
	}
	return n, reply{}
}

// describe is the notification in words, without the presentity's name.
func (n notification) describe() string {
	if n.presence != nil {
		return n.presence.describe(n.shownState())
	}
	text := "tells nothing yet"
	if n.problem != "" {
		text = "sends presence that cannot be read: " + n.problem
	}
	if state := n.shownState(); state != "" {
		text += " (" + state + ")"
	}
	return text
}

// shownState is the state where it says something to people: a fetch always is
// terminated by timeout (RFC 6665 s.4.4.3).
func (n notification) shownState() string {
	if n.state != "terminated" {
		return printable(n.state)
	}
	if n.reason == "" || n.reason == "timeout" {
		return ""
	}
	return "terminated, " + printable(n.reason)
}

// event is the notification as a line of --json.
func (n notification) event(presentity sip.Uri) event {
	e := event{Event: "presence", Presentity: presentity.String(), State: n.state, Reason: n.reason}
	if n.presence == nil {
		e.Event, e.Error = "subscription", n.problem
		return e
	}
	n.presence.fill(&e)
	return e
}

// comeBack says whether and when to subscribe again after a termination (RFC
// 6665 s.4.1.3).
func (n notification) comeBack() (wait time.Duration, again bool) {
	switch n.reason {
	case "rejected", "noresource", "invariant":
		return 0, false
	case "deactivated", "timeout": // retry-after has no semantics there
		return 0, true
	}
	return n.retryAfter, true
}
