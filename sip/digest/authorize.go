package digest

import (
	"crypto/rand"
	"errors"
	"strings"
)

// ErrNoChallenge: none of the challenges can be answered. RFC 8760 s.2.4: the request is abandoned.
var ErrNoChallenge = errors.New("digest: no challenge that can be answered")

// Authorize answers the challenges of a 401 or 407 as a user agent does: it takes the topmost that it supports and
// ignores what it does not understand (RFC 8760 s.2.4). fields are the values of the WWW-Authenticate or
// Proxy-Authenticate fields in order; the result is the value for Authorization or Proxy-Authorization. The nonce
// count is 1. uri is the Request-URI of the request.
func Authorize(fields []string, method, uri, username, password string) (string, error) {
	for _, field := range fields {
		c, err := answer(field)
		if err != nil {
			continue
		}
		c.Username, c.URI = username, uri
		c.Sign(method, HA1(c.Algorithm, username, c.Realm, password))
		return c.String(), nil
	}
	return "", ErrNoChallenge
}

// answer reads one challenge and returns the credentials that answer it, unsigned.
func answer(field string) (Credentials, error) {
	p, err := openParams(field)
	if err != nil {
		return Credentials{}, err
	}
	var c Credentials
	var qop string
	var seen uint16
	for {
		name, value, err := p.next()
		if err != nil {
			return Credentials{}, err
		}
		if name == "" {
			break
		}
		switch name {
		case "realm", "nonce", "algorithm":
			err = c.setParam(name, value, &seen)
		case "qop":
			err = set(&qop, &seen, seenQop, value)
		}
		if err != nil {
			return Credentials{}, err
		}
	}
	c.Algorithm = ParseAlgorithm(string(c.Algorithm))
	if seen&seenRealm == 0 || seen&seenNonce == 0 || !c.Algorithm.Supported() {
		return Credentials{}, ErrNoChallenge
	}
	if seen&seenQop == 0 { // a server of RFC 2069's kind
		return c, nil
	}
	if !offersAuth(qop) {
		return Credentials{}, ErrNoChallenge
	}
	c.Qop, c.NonceCount, c.CNonce = "auth", "00000001", rand.Text()
	return c, nil
}

// offersAuth looks for "auth" in qop-options (RFC 7616 s.3.3: unknown options are ignored).
func offersAuth(options string) bool {
	for option := range strings.SplitSeq(options, ",") {
		if strings.EqualFold(strings.TrimSpace(option), "auth") {
			return true
		}
	}
	return false
}
