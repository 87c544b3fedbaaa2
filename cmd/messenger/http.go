package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// largestAnswer bounds what is read of an HTTP response, in bytes.
const largestAnswer = 4 << 20

// The ports of the agent's HTTP API where --http says nothing.
const (
	httpPort  = 8081
	httpsPort = 8443
)

// api is the agent's HTTP API: the principal's documents, and the history of
// its watchers.
type api struct {
	agent  *agent
	base   *url.URL // without a slash at the end
	client *http.Client
}

// answer is a response, wholly read.
type answer struct {
	code int
	etag string
	body []byte

	retryAfter time.Duration // 0: not said
}

func (a *agent) api() (*api, error) {
	base, err := a.httpBase()
	if err != nil {
		return nil, err
	}
	return &api{agent: a, base: base, client: &http.Client{
		Transport: &http.Transport{TLSClientConfig: a.tls.Clone()},
		Timeout:   a.options.timeout,
		// The credentials are for this server and no other.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// httpBase is where the API is: what --http says, or the agent's usual port at
// the host that SIP goes to: with TLS, but on this machine.
func (a *agent) httpBase() (*url.URL, error) {
	if a.options.http == "" {
		scheme, port := "https", httpsPort
		if a.transport != "tls" && a.server.isHere() {
			scheme, port = "http", httpPort
		}
		return &url.URL{Scheme: scheme, Host: net.JoinHostPort(a.server.host, strconv.Itoa(port))}, nil
	}
	u, err := url.Parse(a.options.http)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, usageError("--http %q is no URL like http://example.com:8081", a.options.http)
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	return u, nil
}

// do sends a request and returns its response; a challenge is answered on the
// way. Any status but 401 is no error here.
func (p *api) do(ctx context.Context, method, path string, header http.Header, body []byte) (*answer, error) {
	met := attempts{}
	for {
		res, data, err := p.attempt(ctx, method, path, header, body)
		if err != nil {
			return nil, p.unanswered(ctx, err)
		}
		if res.StatusCode != http.StatusUnauthorized {
			return &answer{
				code: res.StatusCode, etag: res.Header.Get("ETag"), body: data, retryAfter: retryAfter(res.Header.Get("Retry-After")),
			}, nil
		}
		ch := &challenge{answerIn: httpAuthorization}
		for _, field := range res.Header.Values("WWW-Authenticate") {
			ch.add(field)
		}
		if met.hopeless(ch) {
			return nil, wrongPassword((&answer{code: res.StatusCode}).refused(method))
		}
		if err := p.agent.account.answer(ctx, ch, method, p.base.EscapedPath()+path); err != nil {
			return nil, err
		}
	}
}

// attempt sends a request once. path is escaped already.
func (p *api) attempt(ctx context.Context, method, path string, header http.Header, body []byte) (*http.Response, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, p.base.String()+path, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	for name, values := range header {
		r.Header[name] = values
	}
	r.Header.Set("User-Agent", "presenced-messenger")
	target := p.base.EscapedPath() + path
	if field := p.agent.account.signed(httpAuthorization, method, target); field != "" {
		r.Header.Set("Authorization", field)
	}
	p.show("to", fmt.Sprintf("%s %s HTTP/1.1", method, target), r.Header, body)
	res, err := p.client.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, largestAnswer+1))
	if err == nil && len(data) > largestAnswer {
		err = failed("the answer of %s is longer than %d bytes", p.base, largestAnswer)
	}
	p.show("from", res.Proto+" "+res.Status, res.Header, data)
	return res, data, err
}

// show traces a request or a response.
func (p *api) show(direction, start string, header http.Header, body []byte) {
	if !p.agent.options.verbose {
		return
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\r\n", start)
	if err := header.Write(&b); err != nil {
		return // a buffer takes everything
	}
	fmt.Fprintf(&b, "\r\n%s", body)
	p.agent.trace.show(direction, webAddr(p.base.Host), b.Bytes())
}

// webAddr is the host of a URL as a net.Addr.
type webAddr string

func (webAddr) Network() string  { return "http" }
func (a webAddr) String() string { return string(a) }

// unanswered says in a person's words why there is no response.
func (p *api) unanswered(ctx context.Context, err error) error {
	var f *failure
	var untrusted *tls.CertificateVerificationError
	var whole *url.Error
	switch {
	case errors.As(err, &f):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &untrusted):
		return failed("the certificate of %s is not believed: %s", p.base.Host, untrusted.Err)
	case errors.As(err, &whole):
		err = whole.Err
	}
	return unreachable("no answer from %s (--http says where the agent's HTTP API is): %s", p.base, plain(err))
}

// refused is the failure that a response stands for.
func (r *answer) refused(method string) error {
	f := &failure{exit: exitFailed, what: method + " refused", code: r.code, reason: http.StatusText(r.code), retryAfter: r.retryAfter}
	if why := r.reason(); why != "" {
		f.reason += ": " + why
	}
	return f
}

// reason is the server's own: the phrase of an XCAP error (RFC 4825 s.11.2),
// or the first line of a text.
func (r *answer) reason() string {
	const most = 300 // bytes
	var report struct {
		Conditions []struct {
			XMLName xml.Name
			Phrase  string `xml:"phrase,attr"`
		} `xml:",any"`
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(r.body)), "\n")
	switch {
	case !strings.HasPrefix(line, "<"):
	case xml.Unmarshal(r.body, &report) != nil || len(report.Conditions) == 0:
		return ""
	default:
		line = report.Conditions[0].Phrase
		if line == "" {
			line = report.Conditions[0].XMLName.Local
		}
	}
	return printable(strings.TrimSpace(line[:min(len(line), most)]))
}
