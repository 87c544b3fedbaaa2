package config

import (
	"fmt"
	"slices"
	"strings"
)

// check holds the settings against each other. Each alone was checked when it was read.
func (r *reader) check(c *Config) {
	r.checkListeners(c)
	r.checkOpen(c)
	r.checkInClear(c)
	r.checkAuth(c)
	r.checkPrincipals(c)
	r.checkStore(c)
	r.checkIntervals(c.Expires)
	if c.Limits.BodySize >= c.Limits.MessageSize {
		r.fail(r.firstSet("limits.body_size", "limits.message_size"), "a body of %d bytes does not fit into a message of %d", c.Limits.BodySize, c.Limits.MessageSize)
	}
	if slices.Contains(c.Services, ServiceRegistrar) && c.Expires.Register.Default > c.Limits.IdleTimeout {
		r.warn(r.firstSet("limits.idle_timeout", "expires.register.default"),
			"a connection is closed after %s, but a binding on it may be refreshed after %s only; a client without keep-alives becomes unreachable",
			c.Limits.IdleTimeout, c.Expires.Register.Default)
	}
	if path := c.ControlSocket(); len(path) > maxSocketPath {
		r.fail(r.firstSet("control.socket", "store.path"), "the path %s has more than %d bytes; set [control] socket to a shorter one", path, maxSocketPath)
	}
}

// located is a listener with its key.
type located struct {
	Listener
	key       string
	transport string
}

func (l *located) isSIP() bool {
	return l.transport == "udp" || l.transport == "tcp" || l.transport == "tls"
}

func (c *Config) listeners() []located {
	var out []located
	for _, t := range []struct {
		name string
		list []Listener
	}{{"udp", c.Listen.UDP}, {"tcp", c.Listen.TCP}, {"tls", c.Listen.TLS}, {"http", c.Listen.HTTP}, {"xcap", c.Listen.XCAP}, {"xcaps", c.Listen.XCAPS}} {
		for i, l := range t.list {
			out = append(out, located{l, fmt.Sprintf("listen.%s[%d]", t.name, i), t.name})
		}
	}
	return out
}

func (r *reader) checkListeners(c *Config) {
	all := c.listeners()
	if len(c.Listen.UDP)+len(c.Listen.TCP)+len(c.Listen.TLS) == 0 {
		r.fail("listen.udp", "there is no listener for SIP; name one for udp, tcp or tls")
	}
	if len(c.Listen.TLS) > 0 && (c.TLS.Cert == "" || c.TLS.Key == "") {
		r.fail("listen.tls", "needs [tls] cert and key")
	}
	if len(c.Listen.XCAPS) > 0 && (c.TLS.Cert == "" || c.TLS.Key == "") {
		r.fail("listen.xcaps", "needs [tls] cert and key")
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		r.fail(r.firstSet("tls.cert", "tls.key"), "cert and key need each other")
	}
	for i, l := range all {
		for _, other := range all[:i] {
			if l.Address.Port() != 0 && (l.transport == "udp") == (other.transport == "udp") && (l.covers(other.Listener) || other.covers(l.Listener)) {
				r.fail(l.key, "%s is taken by %s %s", l.ListenAddress(), other.transport, other.ListenAddress())
			}
		}
		implied := l.transport == "tcp" && !r.has("listen.tcp") // then udp has had the same warning
		if l.Wildcard() && l.Advertise == "" && l.isSIP() && !implied {
			r.warn(l.key, "%s is every address, so Via and Contact carry the one that this machine uses towards the peer; set advertise where that is not reachable", l.ListenAddress())
		}
	}
	for i, u := range c.Listen.UDP {
		if !slices.ContainsFunc(c.Listen.TCP, func(t Listener) bool { return t.covers(u) }) {
			// RFC 3261 s.18.2.1: TCP on every port and interface that serves UDP
			r.warn(fmt.Sprintf("listen.udp[%d]", i), "udp %s has no tcp beside it, which RFC 3261 s.18.2.1 demands; messages over 1,300 bytes come by TCP", u.ListenAddress())
		}
	}
}

// checkOpen refuses, or says, that anybody may be anybody.
func (r *reader) checkOpen(c *Config) {
	open := slices.DeleteFunc(c.listeners(), func(l located) bool { return l.Loopback() })
	if c.Auth.Mode == AuthNone {
		r.checkNoAuthentication(c, open)
	}
	if len(open) > 0 && c.Limits.RequestsPerSource == 0 && !r.has("limits.requests_per_source") {
		r.warn(open[0].key, "others can reach this node, and nothing limits how much one of them asks; [limits] requests_per_source = 100 would (0 says that this is meant)")
	}
}

func (r *reader) checkNoAuthentication(c *Config, open []located) {
	switch {
	case len(open) > 0 && !c.Auth.OpenToEveryone:
		l := open[0]
		r.fail(l.key, "%s can be reached from elsewhere, but nobody has to authenticate; set [auth] mode = \"digest\", or [auth] open_to_everyone = true if anybody may act as any principal", l.ListenAddress())
	case len(open) > 0:
		r.warn("auth.open_to_everyone", "anybody who can reach %s may act as any principal of %s", open[0].ListenAddress(), strings.Join(c.Domains, ", "))
	default:
		r.warn("auth.mode", "no passwords: everybody on this machine may act as any principal of %s", strings.Join(c.Domains, ", "))
	}
	if len(c.Principals) > 0 {
		r.warn("principal[0]", "passwords are not asked for while [auth] mode is \"none\"")
	}
}

// checkInClear refuses, or says, that rules cross a network in the clear. RFC 5025 s.10 wants them encrypted.
func (r *reader) checkInClear(c *Config) {
	for i, l := range c.Listen.XCAP {
		key := fmt.Sprintf("listen.xcap[%d]", i)
		switch {
		case l.Loopback():
		case c.Auth.XCAPInClear:
			r.warn(key, "whoever listens on the way to %s reads access rules, and may change them", l.ListenAddress())
		default:
			r.fail(key, "%s can be reached from elsewhere, in the clear; use xcaps, or set [auth] xcap_in_clear = true if that is meant", l.ListenAddress())
		}
	}
}

// lockedOut are the clients that do not register with a challenge other than MD5 alone.
func lockedOut(algorithms []Algorithm) string {
	switch {
	case len(algorithms) == 1 && algorithms[0] == MD5:
		return ""
	case !slices.Contains(algorithms, MD5):
		return "baresip, twinkle, rakia and libpurple"
	case algorithms[0] == MD5:
		return "baresip, twinkle and rakia"
	}
	return "baresip and rakia"
}

func (r *reader) checkAuth(c *Config) {
	if clients := lockedOut(c.Auth.Algorithms); clients != "" {
		r.warn("auth.algorithms", "%s do not register when %s is offered; \"MD5\" alone serves them all", clients, quoted(c.Auth.Algorithms))
	}
	if len(c.Auth.Trusted.Names) > 0 && (c.TLS.ClientCA == "" || len(c.Listen.TLS) == 0) {
		r.fail("auth.trusted", "the TLS name %s can never be verified without [listen] tls and [tls] client_ca", c.Auth.Trusted.Names[0])
	}
	if c.Auth.Mode == AuthDigest && len(c.Principals) == 0 && c.Store.Engine == EngineEmbedded && c.Store.Path == "" {
		r.warn("auth.mode", "nobody can authenticate until \"presenced principal add\"; and without [store] path it is forgotten at the end")
	}
}

func (r *reader) checkStore(c *Config) {
	s := c.Store
	switch {
	case s.Engine == EngineRedis && s.Redis == nil:
		r.fail("store.engine", `"redis" needs redis = "redis://host:6379"`)
	case s.Engine == EngineRedis && s.Path != "":
		r.fail("store.path", "is for the embedded engine; with redis this node keeps no files")
	case s.Engine == EngineEmbedded && s.Redis != nil:
		r.fail("store.redis", `is not used by the embedded engine; set engine = "redis"`)
	case s.Engine == EngineEmbedded && s.AcceptLosingDurableState:
		r.fail("store.accept_losing_durable_state", "is for redis; the embedded engine syncs durable state")
	case s.Engine == EngineEmbedded && s.Path == "":
		r.warn("store.path", "is empty: everything is kept in memory, principals too, and nothing survives the end of this process")
	case s.AcceptLosingDurableState:
		r.warn("store.accept_losing_durable_state", "principals may be lost after they were acknowledged, if Redis has not appendfsync always")
	}
}
