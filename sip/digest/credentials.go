package digest

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// Credentials are the values of an Authorization or Proxy-Authorization field (RFC 7616 s.3.4), without quotes. An
// absent parameter is empty, but for Algorithm, which is MD5 then.
type Credentials struct {
	Username, Realm, Nonce string
	URI                    string // digest-uri, as the client hashed it
	Response               string // hexadecimal
	Algorithm              Algorithm
	Qop                    string // empty from clients of RFC 2069's kind
	CNonce                 string
	NonceCount             string // nc as it was sent: its text is hashed
	hashedName             bool   // userhash=true or username*, which are not supported
}

// Parse reads the value of one Authorization or Proxy-Authorization field. It is tolerant of what real clients send:
// quoted nc, qop and algorithm (libpurple), unquoted strings, white space, empty list elements, unknown parameters. It
// refuses a field longer than MaxField, a known parameter that comes twice, control characters, and a field without
// username, realm, nonce, uri and response. Errors are ErrScheme or wrap ErrSyntax (RFC 7616 s.3.4: "the proper
// response is a 4xx").
func Parse(field string) (Credentials, error) {
	p, err := openParams(field)
	if err != nil {
		return Credentials{}, err
	}
	var c Credentials
	var seen uint16
	for {
		name, value, err := p.next()
		if err != nil {
			return Credentials{}, err
		}
		if name == "" {
			break
		}
		if err := c.setParam(name, value, &seen); err != nil {
			return Credentials{}, err
		}
	}
	if err := complete(seen); err != nil {
		return Credentials{}, err
	}
	c.Algorithm = ParseAlgorithm(string(c.Algorithm))
	return c, nil
}

const (
	seenUsername = 1 << iota
	seenRealm
	seenNonce
	seenURI
	seenResponse
	seenAlgorithm
	seenQop
	seenCNonce
	seenNonceCount
	seenUserhash
	seenUsernameStar
	seenOpaque
)

func (c *Credentials) setParam(name, value string, seen *uint16) error {
	var ignored string
	switch name {
	case "username":
		return set(&c.Username, seen, seenUsername, value)
	case "realm":
		return set(&c.Realm, seen, seenRealm, value)
	case "nonce":
		return set(&c.Nonce, seen, seenNonce, value)
	case "uri":
		return set(&c.URI, seen, seenURI, value)
	case "response":
		return set(&c.Response, seen, seenResponse, value)
	case "algorithm":
		return set((*string)(&c.Algorithm), seen, seenAlgorithm, value)
	case "qop":
		return set(&c.Qop, seen, seenQop, value)
	case "cnonce":
		return set(&c.CNonce, seen, seenCNonce, value)
	case "nc":
		return set(&c.NonceCount, seen, seenNonceCount, value)
	case "userhash":
		c.hashedName = c.hashedName || strings.EqualFold(value, "true")
		return set(&ignored, seen, seenUserhash, value)
	case "username*":
		c.hashedName = true
		return set(&ignored, seen, seenUsernameStar, value)
	case "opaque":
		return set(&ignored, seen, seenOpaque, value)
	}
	return nil
}

// complete says what is missing. RFC 7616 s.3.4: both username and username* are an error.
func complete(seen uint16) error {
	if seen&seenUsername != 0 && seen&seenUsernameStar != 0 {
		return syntaxError("username and username*")
	}
	const named = seenUsername | seenUsernameStar
	const needed = seenRealm | seenNonce | seenURI | seenResponse
	if seen&named == 0 || seen&needed != needed {
		return syntaxError("username, realm, nonce, uri or response is missing")
	}
	return nil
}

// Sign sets Response for a request with this method, by the H(A1) of the password (see HA1).
func (c *Credentials) Sign(method, ha1 string) {
	var sum [maxSum]byte
	n := c.response(&sum, method, ha1)
	c.Response = hex.EncodeToString(sum[:n])
}

// String renders the field value, with quotes exactly where RFC 7616 s.3.4 wants them.
func (c *Credentials) String() string {
	b := appendQuoted([]byte("Digest "), "username", c.Username)
	b = appendQuoted(append(b, ", "...), "realm", c.Realm)
	b = appendQuoted(append(b, ", "...), "nonce", c.Nonce)
	b = appendQuoted(append(b, ", "...), "uri", c.URI)
	b = appendQuoted(append(b, ", "...), "response", c.Response)
	b = append(b, ", algorithm="...)
	b = append(b, c.Algorithm...)
	if c.Qop != "" {
		b = appendQuoted(append(b, ", "...), "cnonce", c.CNonce)
		b = append(b, ", qop="...)
		b = append(b, c.Qop...)
		b = append(b, ", nc="...)
		b = append(b, c.NonceCount...)
	}
	return string(b)
}

// count returns nc as a number. RFC 3261 s.25.1: nc-value is 8LHEX; fewer digits and upper case are read too.
func (c *Credentials) count() (uint32, bool) {
	n, err := strconv.ParseUint(c.NonceCount, 16, 32)
	return uint32(n), err == nil && len(c.NonceCount) <= 8
}
