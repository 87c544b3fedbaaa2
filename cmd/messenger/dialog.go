package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/emiago/sipgo/sip"
)

// dialog is what a series of requests has in common (RFC 3261 s.12): the
// identifiers, the order, and where the peer is. The REGISTERs of one
// registration and the PUBLISHes of one publication use it too, without ever
// getting a remote tag (RFC 3261 s.10.2: same Call-ID, rising CSeq).
type dialog struct {
	callID   string
	local    sip.Uri // From
	remote   sip.Uri // To
	localTag string

	mu         sync.Mutex // the peer's requests come in while ours go out
	remoteTag  string     // "" until a response or a NOTIFY has established the dialog
	cseq       uint32
	remoteCSeq uint32   // of the last request accepted; 0: none yet
	target     sip.Uri  // Request-URI
	routes     []string // route set, each with <>
}

// newDialog begins a series of requests from local to remote.
func newDialog(local, remote, target sip.Uri) *dialog {
	return &dialog{
		callID: sip.GenerateTagN(24), localTag: sip.GenerateTagN(16),
		local: local, remote: remote, target: target,
	}
}

// uri is the Request-URI of the next request.
func (d *dialog) uri() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.target.String()
}

// established says whether the peer has taken part yet.
func (d *dialog) established() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.remoteTag != ""
}

// confirm takes over a 2xx, unless a request of the peer's overtook it.
func (d *dialog) confirm(res *sip.Response) {
	d.mu.Lock()
	defer d.mu.Unlock()
	tag := ""
	if to := res.To(); to != nil {
		tag = to.Params.GetOr("tag", "")
	}
	switch {
	case d.remoteTag == "":
		d.establish(tag, res)
	case d.remoteTag == tag:
		d.retarget(res)
	}
}

// accept checks a request of the peer's against the dialog: 0, or the code of
// the refusal. The peer's first request establishes the dialog where no
// response has; every other sender is refused (RFC 3856 s.6.9).
func (d *dialog) accept(r *sip.Request) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	from, cseq := r.From().Params.GetOr("tag", ""), r.CSeq()
	switch {
	case r.CallID().Value() != d.callID || r.To().Params.GetOr("tag", "") != d.localTag:
		return 481
	case d.remoteTag != "" && from != d.remoteTag:
		return 481
	case cseq == nil || from == "":
		return 400
	case d.remoteCSeq != 0 && cseq.SeqNo < d.remoteCSeq: // RFC 3261 s.12.2.2
		return 500
	case d.remoteTag == "":
		d.establish(from, r)
	default:
		d.retarget(r)
	}
	d.remoteCSeq = cseq.SeqNo
	return 0
}

// establish takes over what the peer's first message in the dialog says: its
// tag, its Contact, and its Record-Route, which a response lists in the other
// direction (RFC 3261 s.12.1.2).
func (d *dialog) establish(tag string, m message) {
	d.remoteTag = tag
	d.retarget(m)
	d.routes = nil
	for _, h := range m.GetHeaders("Record-Route") {
		d.routes = append(d.routes, splitList(h.Value())...)
	}
	if _, isResponse := m.(*sip.Response); isResponse {
		slices.Reverse(d.routes)
	}
}

// message is what requests and responses have in common here.
type message interface {
	GetHeaders(name string) []sip.Header
	Contact() *sip.ContactHeader
}

// retarget takes over the Contact of a target refresh (RFC 3261 s.12.2).
func (d *dialog) retarget(m message) {
	contact := m.Contact()
	if contact != nil && (contact.Address.Scheme == "sip" || contact.Address.Scheme == "sips") && contact.Address.Host != "" {
		d.target = *contact.Address.Clone()
		d.target.Headers = nil
	}
}

// nextHop is where a request in the dialog goes (RFC 3261 s.12.2.1.1).
func (d *dialog) nextHop() (hop, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.routes) == 0 {
		return hopOf(d.target), nil
	}
	var u sip.Uri
	if _, err := sip.ParseAddressValue(d.routes[0], &u, nil); err != nil {
		return hop{}, failed("the route set cannot be read: %s", printable(d.routes[0]))
	}
	return hopOf(u), nil
}

// request builds the next request of the dialog, without Via and body.
func (d *dialog) request(method sip.RequestMethod) *sip.Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cseq++
	r := sip.NewRequest(method, d.target)
	to := "<" + d.remote.String() + ">"
	if d.remoteTag != "" {
		to += ";tag=" + d.remoteTag
	}
	for _, field := range [][2]string{
		{"Max-Forwards", "70"},
		{"From", "<" + d.local.String() + ">;tag=" + d.localTag},
		{"To", to},
		{"Call-ID", d.callID},
		{"CSeq", fmt.Sprintf("%d %s", d.cseq, method)},
		{"User-Agent", "presenced-messenger"},
	} {
		r.AppendHeader(sip.NewHeader(field[0], field[1]))
	}
	if len(d.routes) > 0 {
		r.AppendHeader(sip.NewHeader("Route", strings.Join(d.routes, ", ")))
	}
	return r
}

// splitList splits a field's value at the commas outside of <> and quotes.
func splitList(value string) []string {
	var elements []string
	quoted, bracketed, start := false, false, 0
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case quoted && c == '\\':
			i++
		case c == '"' && !bracketed:
			quoted = !quoted
		case quoted:
		case c == '<':
			bracketed = true
		case c == '>':
			bracketed = false
		case c == ',' && !bracketed:
			elements = append(elements, strings.TrimSpace(value[start:i]))
			start = i + 1
		}
	}
	return append(elements, strings.TrimSpace(value[start:]))
}
