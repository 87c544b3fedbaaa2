package identity

import (
	"crypto/x509"
	"strings"

	"presenced/sip"
)

// certified is the principal whom the TLS client's certificate proves: the one in From or, if From is anonymous, the
// first that the certificate names. "" where the certificate names nobody, or another: then something else must prove
// who asks, for a certificate may be a whole domain's or a device's.
func (g *Guard) certified(flow sip.Flow, from *sip.Address) string {
	if flow.Proto != sip.TLS || g.Certificate == nil {
		return ""
	}
	certificate := g.Certificate(flow)
	if certificate == nil {
		return ""
	}
	named := certificateAORs(certificate)
	if len(named) > 0 && isAnonymous(from) {
		return named[0]
	}
	aor := from.URI.AOR()
	for _, name := range named {
		if name == aor {
			return name
		}
	}
	return ""
}

// certificateAORs are the principals that a certificate names. RFC 5922 s.7.1: a sip: URI with a user part among the
// subject's alternative names identifies an individual user; the scheme is case-insensitive and never another.
func certificateAORs(certificate *x509.Certificate) []string {
	var named []string
	for _, name := range certificate.URIs {
		if !strings.EqualFold(name.Scheme, "sip") {
			continue
		}
		u, err := sip.ParseURI(name.String())
		if err != nil {
			continue
		}
		if aor := u.AOR(); aor != "" {
			named = append(named, aor)
		}
	}
	return named
}
