package server

import (
	"presenced/internal/config"
	"presenced/internal/identity"
	"presenced/internal/store"
	"presenced/sip"
	"presenced/sip/digest"
)

// identify makes the guard in front of all handlers.
func (s *Server) identify(c *config.Config) {
	s.principals = identity.NewLayered(s.engine, nil)
	s.principals.Configure(configuredPrincipals(c))
	algorithms := make([]digest.Algorithm, len(c.Auth.Algorithms))
	for i, a := range c.Auth.Algorithms {
		algorithms[i] = digest.Algorithm(a)
	}
	s.guard = identity.New(identity.Config{
		Mode: identity.Mode(c.Auth.Mode), Domain: c.Domains[0], Local: c.Local,
		Trusted: s.trusted, Certificate: s.transport.PeerCertificate,
		Algorithms: algorithms, Principals: s.principals, Secrets: s.engine,
		Anonymous: c.Access.Anonymous, Log: s.log,
		Limits: identity.Limits{
			PerSource:    identity.Rate{PerSecond: float64(c.Limits.RequestsPerSource)},
			PerPrincipal: identity.Rate{PerSecond: float64(c.Limits.RequestsPerPrincipal)},
		},
	})
}

// trusted says whether a flow's peer is a trusted proxy: by its address, or by
// a name in its verified certificate.
func (s *Server) trusted(flow sip.Flow) bool {
	t := s.config.Load().Auth.Trusted
	if t.Address(flow.Remote.Addr()) {
		return true
	}
	if flow.Proto != sip.TLS || len(t.Names) == 0 {
		return false
	}
	for _, name := range s.transport.PeerNames(flow) {
		if t.Name(name) {
			return true
		}
	}
	return false
}

// configuredPrincipals are the configuration's, as the store has them.
func configuredPrincipals(c *config.Config) []store.Principal {
	list := make([]store.Principal, 0, len(c.Principals))
	for _, p := range c.Principals {
		u := sip.URI{Scheme: "sip", User: p.User, Host: p.Domain}
		if !p.Password.IsZero() {
			list = append(list, identity.NewPrincipal(u.AOR(), p.User, p.Domain, p.Password.Reveal()))
			continue
		}
		hashed := store.Principal{AOR: u.AOR(), HA1: map[string]string{}}
		for a, ha1 := range p.HA1 {
			hashed.HA1[string(a)] = ha1.Reveal()
		}
		list = append(list, hashed)
	}
	return list
}
