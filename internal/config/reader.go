package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maxFaults bounds how many faults of one file are reported.
const maxFaults = 50

// reader takes values out of a decoded file and collects what is wrong with them.
type reader struct {
	name     string
	tree     map[string]any
	at       *index
	known    map[string]bool // keys that were asked for, array indices left out
	refused  map[string]bool // keys that a fault was already reported for
	faults   []*Error
	warnings []Warning
}

// config reads every key there is. A key that is not named here is unknown.
func (r *reader) config(c *Config) {
	r.domains("domains", &c.Domains)
	list(r, "services", &c.Services, ServicePresence, ServiceMessage, ServiceRegistrar)

	r.sipListeners("listen.udp", &c.Listen.UDP)
	if r.has("listen.udp") {
		c.Listen.TCP = slices.Clone(c.Listen.UDP) // RFC 3261 s.18.2.1
	}
	r.sipListeners("listen.tcp", &c.Listen.TCP)
	r.sipListeners("listen.tls", &c.Listen.TLS)
	r.listeners("listen.http", &c.Listen.HTTP)
	r.listeners("listen.xcaps", &c.Listen.XCAPS)
	if r.has("listen.http") || r.has("listen.xcaps") {
		c.Listen.XCAP = nil
	}
	r.listeners("listen.xcap", &c.Listen.XCAP)
	text(r, "tls.cert", &c.TLS.Cert)
	text(r, "tls.key", &c.TLS.Key)
	text(r, "tls.client_ca", &c.TLS.ClientCA)

	enum(r, "auth.mode", &c.Auth.Mode, AuthDigest, AuthNone)
	r.boolean("auth.open_to_everyone", &c.Auth.OpenToEveryone)
	r.boolean("auth.xcap_in_clear", &c.Auth.XCAPInClear)
	r.trusted("auth.trusted", &c.Auth.Trusted)
	list(r, "auth.algorithms", &c.Auth.Algorithms, MD5, SHA256, SHA512256)
	r.principals("principal", &c.Principals)

	enum(r, "access.default", &c.Access.Default, Allow, Confirm, PoliteBlock, Block)
	enum(r, "access.default_foreign", &c.Access.DefaultForeign, Allow, Confirm, PoliteBlock, Block)
	r.boolean("access.anonymous", &c.Access.Anonymous)
	r.addresses("access.operators", &c.Access.Operators)
	r.boolean("access.hiding", &c.Access.Hiding)

	enum(r, "store.engine", &c.Store.Engine, EngineEmbedded, EngineRedis)
	text(r, "store.path", &c.Store.Path)
	r.redis("store.redis", &c.Store.Redis)
	r.boolean("store.accept_losing_durable_state", &c.Store.AcceptLosingDurableState)

	r.boolean("presence.registration", &c.Presence.Registration)
	r.duration("notify.min_interval", &c.Notify.MinInterval)
	r.count("notify.burst", &c.Notify.Burst, 1)
	r.duration("watchers.min_interval", &c.Watchers.MinInterval)
	r.duration("watchers.give_up", &c.Watchers.GiveUp)
	r.count("watchers.undecided", &c.Watchers.Undecided, 1)
	r.duration("watchers.past", &c.Watchers.Past)
	r.count("watchers.visitors", &c.Watchers.Visitors, 1)
	r.interval("expires.register", &c.Expires.Register)
	r.interval("expires.publish", &c.Expires.Publish)
	r.interval("expires.subscribe", &c.Expires.Subscribe)
	r.limits(&c.Limits)

	r.level("log.level", &c.Log.Level)
	enum(r, "log.format", &c.Log.Format, LogText, LogJSON)
	text(r, "control.socket", &c.Control.Socket)
	r.agentName("cluster.agent", &c.Cluster.Agent)
	r.duration("cluster.grace", &c.Cluster.Grace)
}

func (r *reader) limits(l *Limits) {
	r.count("limits.message_size", &l.MessageSize, 1300) // RFC 3261 s.18.1.1: requests up to here come by UDP
	r.count("limits.body_size", &l.BodySize, 1)
	r.count("limits.subscriptions_per_watcher", &l.SubscriptionsPerWatcher, 1)
	r.count("limits.publications_per_presentity", &l.PublicationsPerPresentity, 1)
	r.count("limits.bindings_per_inbox", &l.BindingsPerInbox, 1)
	r.count("limits.connections", &l.Connections, 1)
	r.count("limits.connections_per_address", &l.ConnectionsPerAddress, 0)
	r.count("limits.requests_per_source", &l.RequestsPerSource, 0)
	r.count("limits.requests_per_principal", &l.RequestsPerPrincipal, 0)
	r.timeout("limits.idle_timeout", &l.IdleTimeout)
	r.timeout("limits.read_timeout", &l.ReadTimeout)
	r.timeout("limits.write_timeout", &l.WriteTimeout)
}

// has reports whether the file sets a key.
func (r *reader) has(key string) bool { return r.at.line[key] > 0 }

// lookup returns the value at a path of tables and marks the path as known.
func (r *reader) lookup(path string) (any, bool) {
	r.known[path] = true
	keys := strings.Split(path, ".")
	table := r.tree
	for i, key := range keys[:len(keys)-1] {
		v, ok := table[key]
		if !ok {
			return nil, false
		}
		if table, ok = v.(map[string]any); !ok {
			r.notTable(strings.Join(keys[:i+1], "."))
			return nil, false
		}
	}
	v, ok := table[keys[len(keys)-1]]
	return v, ok
}

func (r *reader) notTable(path string) {
	if !r.refused[path] {
		r.fail(path, "is a table: write [%s] on a line of its own, and its keys below", path)
	}
}

// fail records a fault at a key, or where the file has no such key at the nearest enclosing one.
func (r *reader) fail(key, format string, args ...any) {
	r.refused[key] = true
	message := fmt.Sprintf(format, args...)
	if key != "" {
		message = label(key) + ": " + message
	}
	r.fault(r.line(key), message)
}

// fault keeps the first maxFaults; who has more reads the first anyway.
func (r *reader) fault(line int, message string) {
	if len(r.faults) < maxFaults {
		r.faults = append(r.faults, &Error{File: r.name, Line: line, Message: message})
	}
}

func (r *reader) warn(key, format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	if key != "" {
		message = label(key) + ": " + message
	}
	r.warnings = append(r.warnings, Warning{File: r.name, Line: r.line(key), Message: message})
}

func (r *reader) line(key string) int {
	for key != "" {
		if n := r.at.line[key]; n > 0 {
			return n
		}
		key = key[:max(0, strings.LastIndexAny(key, ".["))]
	}
	return 0
}

// sort puts faults and warnings in the order of the file; those without a line come first.
func (r *reader) sort() {
	slices.SortStableFunc(r.faults, func(a, b *Error) int { return a.Line - b.Line })
	slices.SortStableFunc(r.warnings, func(a, b Warning) int { return a.Line - b.Line })
}

// err joins the faults; nil if there are none.
func (r *reader) err() error {
	r.sort()
	out := make([]error, len(r.faults))
	for i, f := range r.faults {
		out[i] = f
	}
	return errors.Join(out...)
}
