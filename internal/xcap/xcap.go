// Package xcap is the HTTP API of principals: their documents in XCAP's URL space (RFC 4825), and who watches them.
//
//	GET, HEAD, PUT, DELETE  /xcap-root/{auid}/users/{xui}/{document}   see usages in usage.go
//	GET, HEAD               /xcap-root/pres-rules/users/{xui}/defaults the access rules that count while there is no document
//	GET, HEAD               /watchers/{aor}                            application/watcherinfo+xml, full state (RFC 3858)
//	GET, HEAD               /watchers/{aor}/history                    JSON: fetchers, pollers and ended subscriptions
//
// Of XCAP it implements whole documents: RFC 4825 s.6.1 and 6.2, 7.1 to 7.3, 7.11, 8 and 11. An XUI is an
// address-of-record (s.6.2); sip:, sips:, pres: and no scheme at all name the same one.
//
// A document that is refused gets 409 with a report (s.11) whose phrase has line and reason. 400 would be HTTP's general
// answer, and is ours to a request that HTTP or the URL's form forbids; but s.8.2.2 and 8.2.5 say that the server MUST
// answer 409 to a body that is not well-formed, not UTF-8, or against schema or constraints, so for bodies they decide.
// Nothing that its package cannot read is ever stored.
//
// Where the texts leave it to us or we differ. RFC 4825 s.8 has an unknown XUI answered 404 before authentication; that
// would tell strangers who exists, so every XUI of our domains is challenged alike, and 403 is for everybody but its
// owner. Its owner may let others edit rules (RFC 5025 s.9.9: privileged users) and permanent presence (RFC 4827 s.10), never the
// delegation itself.
//
// Left out: node selectors, namespace bindings and partial updates (501), the global tree (404), the capabilities
// document (s.12), several documents of one usage: each has the one that its conventions name. Identities asserted by an
// HTTP proxy are not read.
package xcap

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"presenced/internal/identity"
	"presenced/internal/store"
	"presenced/policy"
	"presenced/sip"
)

// Documents keeps them, durably. Errors are those of package store: ErrNotFound, ErrNoMatch, ErrUnavailable, ErrRisk.
type Documents interface {
	Document(ctx context.Context, aor, name string) (store.Document, error)
	PutDocument(ctx context.Context, d store.Document, ifMatch string) error
	DeleteDocument(ctx context.Context, aor, name, ifMatch string) error
}

// Identifier says who asks, or refuses with a *sip.Error whose code and fields are HTTP's too.
type Identifier interface {
	IdentifyHTTP(ctx context.Context, r *identity.HTTPRequest) (aor string, err error)
}

// Delegations says what a principal lets another do in its place.
type Delegations interface {
	Delegated(ctx context.Context, principal, delegate string) (policy.Delegated, error)
}

// Watchers knows who watches. viewer is the presentity itself or a delegate that may see its watchers.
type Watchers interface {
	// WatcherInfo is the full watcher information of aor, application/watcherinfo+xml.
	WatcherInfo(ctx context.Context, viewer, aor string) ([]byte, error)
	// History is who fetched, polled or ended a subscription, the newest first.
	History(ctx context.Context, viewer, aor string) ([]Visit, error)
}

// Observer counts answers.
type Observer interface {
	// HTTPAnswered is told of each answer; method is one that is served here, or "other".
	HTTPAnswered(method string, code int)
}

// Config is what a Server needs. Documents, Identifier and Local are required.
type Config struct {
	Documents   Documents
	Identifier  Identifier
	Local       func(host string) bool // says whether a domain is ours; the host may come in any case
	Delegations Delegations            // nil: nobody delegates
	Watchers    Watchers               // nil: /watchers is not served
	Defaults    func() ([]byte, error) // the access rules of who has none, as a document; nil: not served
	Changed     func(aor, name string) // called when a document has changed, before the answer; nil: nobody hears
	Observer    Observer               // nil: nobody counts

	// Host says whether the host, without port, that a request is for can be ours; nil: any. Where nobody has to
	// authenticate, it keeps a web page whose name was bound anew to this machine from acting as its user.
	Host func(host string) bool

	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: slog.Default()
}

// Server answers requests. It is safe for concurrent use.
type Server struct {
	Config
	crossOrigin *http.CrossOriginProtection
}

// New makes a Server.
func New(config Config) *Server {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Log == nil {
		config.Log = slog.Default()
	}
	return &Server{Config: config, crossOrigin: http.NewCrossOriginProtection()}
}

// ServeHTTP is http.Handler's.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, err := s.serve(w, r)
	if err != nil {
		a = s.refusal(err, r)
	}
	a.write(w)
	method := r.Method
	if !known(method) {
		method = "other"
	}
	if s.Observer != nil {
		s.Observer.HTTPAnswered(method, a.code)
	}
	s.Log.Debug("http", "method", method, "path", r.URL.Path, "from", r.RemoteAddr, "code", a.code)
}

// serve follows RFC 4825 s.8: what the URL names, who asks, what they may, and then the method.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) (*answer, error) {
	if s.Host != nil && !s.Host(hostname(r.Host)) {
		return nil, refuse(http.StatusMisdirectedRequest, "this host is not served here")
	}
	if err := s.crossOrigin.Check(r); err != nil {
		return nil, refuse(http.StatusForbidden, "a page of another origin asks").Because(err)
	}
	t, err := parseTarget(r.URL.EscapedPath())
	if err != nil {
		return nil, err
	}
	if !s.Local(t.domain()) {
		return nil, refuse(http.StatusNotFound, t.aor+" is of no domain that is served here")
	}
	if r.Method == http.MethodOptions {
		return &answer{code: http.StatusNoContent, header: fields{"Allow", t.allow()}}, nil
	}
	if !t.allows(r.Method) {
		return nil, refuse(http.StatusMethodNotAllowed, r.Method+" is not for this resource").With("Allow", t.allow())
	}
	asks, err := s.Identifier.IdentifyHTTP(r.Context(), asked(r, t.aor))
	if err != nil {
		return nil, err
	}
	if err := s.authorize(r.Context(), asks, t); err != nil {
		return nil, err
	}
	return s.act(w, r, asks, t)
}

func (s *Server) act(w http.ResponseWriter, r *http.Request, asks string, t *target) (*answer, error) {
	switch {
	case t.node:
		return nil, refuse(http.StatusNotImplemented, "parts of documents (~~) are not served, only whole ones")
	case t.usage == nil:
		return s.watchers(r.Context(), asks, t)
	case t.initial:
		return s.defaults(t)
	case r.Method == http.MethodPut:
		return s.put(w, r, t)
	case r.Method == http.MethodDelete:
		return s.delete(r, t)
	}
	return s.get(r, t)
}

// asked is what tells who asks.
func asked(r *http.Request, subject string) *identity.HTTPRequest {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		peer = netip.AddrPort{} // no IP address: a test's network
	}
	return &identity.HTTPRequest{
		Method: r.Method, Target: r.RequestURI, Authorization: r.Header.Values("Authorization"),
		Certificate: certificate(r), Peer: peer, Subject: subject,
	}
}

// certificate is the TLS client's, if it was verified.
func certificate(r *http.Request) *x509.Certificate {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return nil
	}
	return r.TLS.VerifiedChains[0][0]
}

// authorize: the owner may all, a delegate what the owner lets it (RFC 2779 s.2.3).
func (s *Server) authorize(ctx context.Context, asks string, t *target) error {
	if asks == t.aor {
		return nil
	}
	if s.Delegations != nil {
		d, err := s.Delegations.Delegated(ctx, t.aor, asks)
		if err != nil {
			return err
		}
		if t.usage == nil && d.Watchers || t.usage != nil && t.usage.editors(d) {
			return nil
		}
	}
	return refuse(http.StatusForbidden, "only "+t.aor+", and whom it delegates, may do this")
}

// storeAway is when a client may try again, in seconds.
const storeAway = 5

// refusal is what the peer hears of an error; what it does not hear is logged.
func (s *Server) refusal(err error, r *http.Request) *answer {
	var conflict *conflict
	var refused *sip.Error
	switch {
	case errors.As(err, &conflict):
		return conflict.answer()
	case errors.As(err, &refused):
		a := sentence(refused.Code, refused.Reason)
		for _, f := range refused.Header {
			a.header = append(a.header, f.Name, f.Value)
		}
		return a
	case errors.Is(err, store.ErrRisk):
		return sentence(http.StatusServiceUnavailable, "documents are not stored: this store could lose them in a power cut (accept_losing_durable_state accepts that)")
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		a := sentence(http.StatusServiceUnavailable, "the store does not answer")
		a.header = append(a.header, "Retry-After", strconv.Itoa(storeAway))
		return a
	}
	s.Log.Error("http", "method", r.Method, "path", r.URL.Path, "err", err)
	return sentence(http.StatusInternalServerError, "")
}

func refuse(code int, reason string) *sip.Error { return &sip.Error{Code: code, Reason: reason} }
