package sip

import (
	"context"
	"slices"
	"strings"
	"sync"
)

// MuxConfig says what a Mux serves.
type MuxConfig struct {
	// Local says whether a domain is ours. host is in lower case, without a
	// final dot; an IPv6 reference has brackets and its shortest form. nil
	// takes every domain for ours.
	Local func(host string) bool
	// Routed says whether a request's topmost Route was made by this agent or
	// a fellow to send it on from here: its Request-URI need not be ours
	// (RFC 3261 s.16.4, RFC 5626 s.5.3). nil: none was.
	Routed func(r *Request) bool
	// Supported are the option tags understood in every request and named in
	// the answer to OPTIONS.
	Supported []string
	// Accept are the media types named in the answer to OPTIONS.
	Accept []string
	// Guard asks who sent a request, after the checks of form and before the
	// handler; its error is the answer. nil lets everybody through.
	Guard func(ctx context.Context, r *Request) error
}

// Mux picks the handler of a request by its method and, where handlers are
// registered so, its event package, after the checks that RFC 3261 s.8.2 asks
// of every recipient. All handlers are registered before the first request.
//
// The checks, in order:
//  1. ACK is never answered (s.17); CANCEL finds no transaction: 481 (s.9.2).
//  2. A method that nobody knows is 501 (s.21.5.2), one that is known but not
//     served 405 with Allow (s.8.2.1). NOTIFY without a handler is 481: we
//     have no subscription (RFC 6665 s.4.1.3).
//  3. Request-URI: 400 where malformed, 416 for a scheme that is not sip, sips,
//     pres or im, 404 for a domain that is not ours (s.8.2.2.1). A request in
//     a dialog is sent to our own Contact, whose host is a listener's
//     address: the domain is not asked for then, nor where Routed is true.
//  4. Require and Proxy-Require: 420 with Unsupported (s.8.2.2.3, s.16.3 step
//     5; we are a proxy to MESSAGE).
//  5. Event missing or of no known package: 489 with Allow-Events (RFC 6665
//     s.4.2.1.1, RFC 3903 s.6 step 2).
//  6. Who asks: the Guard. What nobody can serve is refused before anybody is
//     asked for a password.
//
// Bodies are the handlers' business. The refusals are functions of the
// request alone and marked Stateless.
type Mux struct {
	config  MuxConfig
	methods map[string]*method
	ability func() []Field // for OPTIONS, made at the first
}

// method is what is registered for one method.
type method struct {
	handler   Handler // nil where packages has them
	packages  map[string]Handler
	supported []string
}

// NewMux makes a Mux that serves OPTIONS alone.
func NewMux(config MuxConfig) *Mux {
	m := &Mux{config: config, methods: map[string]*method{}}
	m.ability = sync.OnceValue(m.abilities)
	m.Handle("OPTIONS", HandlerFunc(m.options))
	return m
}

func (c *MuxConfig) local(host string) bool {
	return c.Local == nil || c.Local(canonicalHost(host))
}

// Handle registers the handler of a method.
func (m *Mux) Handle(method string, h Handler) { m.method(method).handler = h }

// HandleEvent registers the handler of a method for one event package
// (template packages by their whole name: "presence.winfo").
func (m *Mux) HandleEvent(method, pkg string, h Handler) {
	m.method(method).packages[pkg] = h
}

// Support adds option tags that requests of this method may require; OPTIONS
// names them too.
func (m *Mux) Support(method string, tags ...string) {
	s := m.method(method)
	s.supported = append(s.supported, tags...)
}

func (m *Mux) method(name string) *method {
	if m.methods[name] == nil {
		m.methods[name] = &method{packages: map[string]Handler{}}
	}
	return m.methods[name]
}

func (s *method) served() bool { return s != nil && (s.handler != nil || len(s.packages) > 0) }

// ServeSIP checks the request and hands it to its handler.
func (m *Mux) ServeSIP(ctx context.Context, r *Request) (*Response, error) {
	served, refusal := m.inspectMethod(r)
	if refusal == nil {
		refusal = m.inspectURI(r)
	}
	if refusal == nil {
		refusal = m.inspectRequire(r, served)
	}
	if refusal != nil {
		return refusal, nil
	}
	h := served.handler
	if len(served.packages) > 0 {
		h = served.ofPackage(r.EventPackage())
	}
	if h == nil {
		return refuse(StatusBadEvent, Field{"Allow-Events", served.allowEvents()}), nil
	}
	if m.config.Guard != nil {
		if err := m.config.Guard(ctx, r); err != nil {
			return nil, err
		}
	}
	return h.ServeSIP(ctx, r)
}

// ofPackage is the handler of an event package. That of a package of watcher
// information has its recursions too, which have no end: they are for it to
// serve or to refuse (RFC 3857 s.4.6).
func (s *method) ofPackage(name string) Handler {
	const winfo = ".winfo"
	for s.packages[name] == nil && strings.HasSuffix(name, winfo+winfo) {
		name = strings.TrimSuffix(name, winfo)
	}
	return s.packages[name]
}

func refuse(code int, header ...Field) *Response {
	return &Response{Code: code, Header: header, Stateless: true}
}

// knownMethods are the methods that have an RFC, whether we serve them or
// not: RFC 3261, 3262, 3311, 3428, 3515, 3903, 6086, 6665.
var knownMethods = []string{
	"INVITE", "ACK", "BYE", "CANCEL", "REGISTER", "OPTIONS", "PRACK", "UPDATE",
	"MESSAGE", "REFER", "PUBLISH", "INFO", "SUBSCRIBE", "NOTIFY",
}

func (m *Mux) inspectMethod(r *Request) (served *method, refusal *Response) {
	name := r.Method()
	switch served = m.methods[name]; {
	case name == "ACK":
		return nil, &Response{Silent: true}
	case served.served():
		return served, nil
	case name == "CANCEL", name == "NOTIFY":
		return nil, refuse(StatusNoSuchTransaction)
	case slices.Contains(knownMethods, name):
		return nil, refuse(StatusMethodNotAllowed, Field{"Allow", m.Allow()})
	}
	return nil, refuse(StatusNotImplemented)
}

func (m *Mux) inspectURI(r *Request) *Response {
	u, err := r.URI()
	if err != nil {
		refusal := refuse(StatusBadRequest)
		refusal.Reason = "Malformed Request-URI"
		return refusal
	}
	switch u.Scheme {
	case "sip", "sips", "pres", "im":
	default:
		return refuse(StatusUnsupportedURIScheme)
	}
	inDialog := r.ToTag() != "" && (r.Method() == "SUBSCRIBE" || r.Method() == "NOTIFY")
	if inDialog || m.config.local(u.Host) || r.toListener(u) || m.routed(r) {
		return nil
	}
	return refuse(StatusNotFound)
}

func (m *Mux) routed(r *Request) bool {
	return m.config.Routed != nil && r.has(fieldRoute) && m.config.Routed(r)
}

// toListener says whether OPTIONS asks the agent itself by the address that
// it listens on, as proxies do to see whether it lives.
func (r *Request) toListener(u *URI) bool {
	a, ok := u.Addr()
	return ok && u.User == "" && r.Method() == "OPTIONS" && a == r.Flow.Local.Addr().Unmap()
}

func (m *Mux) inspectRequire(r *Request, served *method) *Response {
	if !r.has(fieldRequire) && !r.has(fieldProxyRequire) {
		return nil
	}
	var unsupported []string
	for _, tag := range append(r.List("Require"), r.List("Proxy-Require")...) {
		tag = toLower(tag)
		if !slices.Contains(m.config.Supported, tag) && !slices.Contains(served.supported, tag) && !slices.Contains(unsupported, tag) {
			unsupported = append(unsupported, tag)
		}
	}
	if unsupported == nil {
		return nil
	}
	return refuse(StatusBadExtension, Field{"Unsupported", strings.Join(unsupported, ", ")})
}
