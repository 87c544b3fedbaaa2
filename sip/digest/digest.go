// Package digest computes both sides of SIP's digest authentication: challenges, nonces that need no memory,
// credentials and their verification, and a client's answer. It knows no transport and no message: it works on
// header field values as strings.
//
// It implements RFC 3261 s.22 as updated by RFC 8760 (MD5, SHA-256, SHA-512-256; several challenges in order of
// preference), the computations of RFC 7616 s.3.4, and for old clients the response without qop of RFC 2617 s.3.2.2.1.
//
// A nonce is a function of the challenged request and of a time slot, so a repeat of the request gets the same bytes
// (RFC 3261 s.8.2.7). Nonce counts are checked by a bounded Window in each agent's memory.
//
// Left out: qop=auth-int is neither offered nor accepted. The -sess algorithms are neither offered nor accepted.
// userhash and username* (RFC 7616 s.3.4.4) are not offered; credentials that use them are refused. opaque is not
// sent, and ignored when it comes. Authentication-Info is not made. Without qop a replay from the same source host
// cannot be told from the request itself while the nonce lives.
package digest

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"strings"
)

// An Algorithm is a digest algorithm by the name that stands in the "algorithm" parameter (RFC 8760 s.2.7).
type Algorithm string

const (
	MD5       Algorithm = "MD5"         // the default where the parameter is absent, RFC 7616 s.3.3
	SHA256    Algorithm = "SHA-256"     // RFC 7616 s.6.1
	SHA512256 Algorithm = "SHA-512-256" // FIPS 180-4's SHA-512/256; the example in RFC 7616 s.3.9.2 cuts SHA-512 short and is wrong
)

// Supported says whether this package computes the algorithm.
func (a Algorithm) Supported() bool {
	return a == MD5 || a == SHA256 || a == SHA512256
}

// ParseAlgorithm returns the algorithm of a parameter's value. An absent (empty) value is MD5 (RFC 7616 s.3.3). Case
// does not matter. A name that is not known is returned as it came, and is not Supported.
func ParseAlgorithm(value string) Algorithm {
	if value == "" {
		return MD5
	}
	for _, a := range [...]Algorithm{MD5, SHA256, SHA512256} {
		if strings.EqualFold(value, string(a)) {
			return a
		}
	}
	return Algorithm(value)
}

// HA1 returns H(A1) of RFC 7616 s.3.4.2 in lower-case hexadecimal: what is stored instead of a password. Username and
// realm are without quotes. It returns "" when the algorithm is not supported.
func HA1(alg Algorithm, username, realm, password string) string {
	a1 := make([]byte, 0, len(username)+len(realm)+len(password)+2)
	a1 = append(a1, username...)
	a1 = append(a1, ':')
	a1 = append(a1, realm...)
	a1 = append(a1, ':')
	a1 = append(a1, password...)
	return string(alg.appendHex(nil, a1))
}

const maxSum = sha512.Size256 // bytes of the longest digest

// sum writes the digest of data to dst and returns its length, 0 when the algorithm is not supported.
func (a Algorithm) sum(dst *[maxSum]byte, data []byte) int {
	switch a {
	case MD5:
		s := md5.Sum(data)
		return copy(dst[:], s[:])
	case SHA256:
		*dst = sha256.Sum256(data)
		return sha256.Size
	case SHA512256:
		*dst = sha512.Sum512_256(data)
		return sha512.Size256
	}
	return 0
}

func (a Algorithm) appendHex(dst, data []byte) []byte {
	var s [maxSum]byte
	n := a.sum(&s, data)
	return hex.AppendEncode(dst, s[:n])
}

// response computes the request-digest of c and returns its length. Without qop it is the response of RFC 2617
// s.3.2.2.1, else that of RFC 7616 s.3.4.1. nc and qop are hashed as they were sent.
func (c *Credentials) response(dst *[maxSum]byte, method, ha1 string) int {
	var space [512]byte
	a2 := append(space[:0], method...) // RFC 7616 s.3.4.3: A2 = Method ":" request-uri
	a2 = append(a2, ':')
	a2 = append(a2, c.URI...)
	var ha2 [2 * maxSum]byte
	h := c.Algorithm.appendHex(ha2[:0], a2)

	b := append(a2[:0], ha1...)
	b = append(b, ':')
	b = append(b, c.Nonce...)
	b = append(b, ':')
	if c.Qop != "" {
		b = append(b, c.NonceCount...)
		b = append(b, ':')
		b = append(b, c.CNonce...)
		b = append(b, ':')
		b = append(b, c.Qop...)
		b = append(b, ':')
	}
	b = append(b, h...)
	return c.Algorithm.sum(dst, b)
}
