package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"

	"github.com/emiago/sipgo/sip"
	"golang.org/x/term"

	"presenced/sip/digest"
)

// account is the principal on whose behalf the messenger acts, and what it
// needs to prove it.
type account struct {
	uri      sip.Uri // the address-of-record
	user     string  // name for authentication
	terminal *terminal

	mu       sync.Mutex
	password *string                 // nil until it was asked for
	known    map[string]*credentials // by header field: Authorization, Proxy-Authorization, httpAuthorization
}

// credentials are what a challenge was answered with. They are sent along with
// later requests, their nonce count rising (RFC 7616 s.3.4).
type credentials struct {
	digest.Credentials
	ha1   string
	count uint32
}

// parsePrincipal reads a URI as a person types it: "sip:" may be missing; pres:
// and im: stand for sip: (RFC 3859 s.3.2, RFC 3860 s.3.2, resolved to SIP).
func parsePrincipal(typed string) (sip.Uri, error) {
	text := typed
	switch scheme, rest, _ := strings.Cut(text, ":"); strings.ToLower(scheme) {
	case "sip", "sips":
	case "pres", "im":
		text = "sip:" + rest
	default:
		text = "sip:" + text
	}
	var u sip.Uri
	if err := sip.ParseUri(text, &u); err != nil || u.User == "" || u.Host == "" || strings.ContainsAny(text, " \t\r\n<>\"") {
		return u, usageError("%q is no address like bob@example.com", typed)
	}
	if u.Password != "" {
		return u, usageError("a password does not belong into an address")
	}
	return u, nil
}

// parseAddress reads an address-of-record: a port and parameters say where, not
// who.
func parseAddress(typed string) (sip.Uri, error) {
	u, err := parsePrincipal(typed)
	u.Host, u.Port, u.UriParams, u.Headers = strings.ToLower(u.Host), 0, nil, nil
	return u, err
}

// name is a URI as people write it.
func name(u sip.Uri) string {
	return printable(strings.TrimPrefix(u.Addr(), "sip:"))
}

func newAccount(typed, user string, t *terminal) (*account, error) {
	u, err := parsePrincipal(typed)
	if err != nil {
		return nil, err
	}
	if user == "" {
		user = u.User
		if plain, err := url.PathUnescape(u.User); err == nil {
			user = plain
		}
	}
	return &account{uri: u, user: user, terminal: t, known: map[string]*credentials{}}, nil
}

// httpAuthorization names the Authorization field of HTTP: its nonces are the
// HTTP server's.
const httpAuthorization = "HTTP Authorization"

// authorization returns the header fields for a request to which the
// credentials are known already.
func (c *account) authorization(method, uri string) []sip.Header {
	var fields []sip.Header
	for _, name := range []string{"Authorization", "Proxy-Authorization"} {
		if value := c.signed(name, method, uri); value != "" {
			fields = append(fields, sip.NewHeader(name, value))
		}
	}
	return fields
}

// signed is the value of one of the known header fields, "" where no challenge
// was answered in it yet.
func (c *account) signed(name, method, uri string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.known[name]
	if k == nil {
		return ""
	}
	k.count++
	k.URI = uri
	if k.Qop != "" {
		k.NonceCount = fmt.Sprintf("%08x", k.count)
	}
	k.Sign(method, k.ha1)
	return k.Credentials.String()
}

// challenge is a 401 or 407.
type challenge struct {
	answerIn string // the header field that the credentials go into
	fields   []string
	stale    bool
}

var staleTrue = regexp.MustCompile(`(?i)\bstale\s*=\s*"?true`)

// challengeIn returns what a response asks for, or nil.
func challengeIn(res *sip.Response) *challenge {
	c := &challenge{}
	name := ""
	switch res.StatusCode {
	case sip.StatusUnauthorized:
		name, c.answerIn = "WWW-Authenticate", "Authorization"
	case sip.StatusProxyAuthRequired:
		name, c.answerIn = "Proxy-Authenticate", "Proxy-Authorization"
	default:
		return nil
	}
	for _, h := range res.GetHeaders(name) {
		c.add(h.Value())
	}
	return c
}

func (c *challenge) add(field string) {
	c.fields = append(c.fields, field)
	c.stale = c.stale || staleTrue.MatchString(field)
}

// attempts counts the challenges that one request meets, by header field. Who
// is challenged again has a wrong password, unless only the nonce is too old
// (RFC 7616 s.3.3); that may come once.
type attempts map[string]int

// hopeless counts a challenge, and says whether it is one too many.
func (n attempts) hopeless(c *challenge) bool {
	n[c.answerIn]++
	return n[c.answerIn] > 2 || n[c.answerIn] == 2 && !c.stale
}

// answer makes credentials from a challenge, for authorization to use. The
// first of the challenges that is understood is taken (RFC 8760 s.2.4).
func (c *account) answer(ctx context.Context, ch *challenge, method, uri string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	password, err := c.secret(ctx)
	if err != nil {
		return err
	}
	field, err := digest.Authorize(ch.fields, method, uri, c.user, password)
	if err != nil {
		return failed("the server asks for an authentication that is not supported here")
	}
	parsed, err := digest.Parse(field)
	if err != nil {
		return failed("the server's challenge cannot be answered")
	}
	c.known[ch.answerIn] = &credentials{
		Credentials: parsed,
		ha1:         digest.HA1(parsed.Algorithm, c.user, parsed.Realm, password),
	}
	return nil
}

// secret is the password: from the environment, or asked for once where stdin
// is a terminal.
func (c *account) secret(ctx context.Context) (string, error) {
	if c.password != nil {
		return *c.password, nil
	}
	password := c.terminal.getenv("PRESENCED_PASSWORD")
	if password == "" {
		var err error
		if password, err = c.ask(ctx); err != nil {
			return "", err
		}
	}
	c.password = &password
	return password, nil
}

// ask reads the password from the terminal without echo. Ctrl-C ends it.
func (c *account) ask(ctx context.Context) (string, error) {
	f, ok := c.terminal.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return "", failed("the server asks for a password: set PRESENCED_PASSWORD")
	}
	before, err := term.GetState(int(f.Fd()))
	if err != nil {
		return "", err
	}
	fmt.Fprintf(c.terminal.stderr, "Password of %s: ", printable(c.user))
	defer fmt.Fprintln(c.terminal.stderr)
	type typed struct {
		password []byte
		err      error
	}
	read := make(chan typed, 1)
	go func() {
		password, err := term.ReadPassword(int(f.Fd()))
		read <- typed{password, err}
	}()
	select {
	case t := <-read:
		return string(t.password), t.err
	case <-ctx.Done():
		return "", errors.Join(ctx.Err(), term.Restore(int(f.Fd()), before))
	}
}
