package digest

import "iter"

// A Challenge is what a 401 or 407 asks for (RFC 7616 s.3.3).
type Challenge struct {
	Realm      string
	Nonce      string      // see Keys.Nonce
	Algorithms []Algorithm // most preferred first; none means MD5 alone. COMPAT: several lock baresip, twinkle and rakia out
	Stale      bool        // the response was right, but its nonce can no longer be used
}

// Fields are the values of the WWW-Authenticate or Proxy-Authenticate fields, one field for each algorithm, the
// most preferred at the top (RFC 8760 s.2.3).
func (c *Challenge) Fields() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, alg := range orDefault(c.Algorithms) {
			var room [256]byte
			if !yield(string(c.Append(room[:0], alg))) {
				return
			}
		}
	}
}

// Append appends the field value for one algorithm. qop is always there (RFC 8760 s.2.6, item 8) and offers "auth"
// alone. RFC 7616 s.3.3 says which values are quoted.
func (c *Challenge) Append(dst []byte, alg Algorithm) []byte {
	dst = appendQuoted(append(dst, "Digest "...), "realm", c.Realm)
	dst = appendQuoted(append(dst, ", "...), "nonce", c.Nonce)
	dst = append(dst, ", algorithm="...)
	dst = append(dst, alg...)
	dst = append(dst, `, qop="auth"`...)
	if c.Stale {
		dst = append(dst, ", stale=true"...)
	}
	return dst
}
