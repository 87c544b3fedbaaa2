package config

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"time"
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
	text(r, "tls.cert", &c.TLS.Cert)
	text(r, "tls.key", &c.TLS.Key)
	text(r, "tls.client_ca", &c.TLS.ClientCA)

	enum(r, "auth.mode", &c.Auth.Mode, AuthDigest, AuthNone)
	r.boolean("auth.open_to_everyone", &c.Auth.OpenToEveryone)
	r.trusted("auth.trusted", &c.Auth.Trusted)
	list(r, "auth.algorithms", &c.Auth.Algorithms, MD5, SHA256, SHA512256)
	r.principals("principal", &c.Principals)

	enum(r, "access.default", &c.Access.Default, Allow, Confirm, PoliteBlock, Block)
	enum(r, "access.default_foreign", &c.Access.DefaultForeign, Allow, Confirm, PoliteBlock, Block)
	r.boolean("access.anonymous", &c.Access.Anonymous)

	enum(r, "store.engine", &c.Store.Engine, EngineEmbedded, EngineRedis)
	text(r, "store.path", &c.Store.Path)
	r.redis("store.redis", &c.Store.Redis)
	r.boolean("store.accept_losing_durable_state", &c.Store.AcceptLosingDurableState)

	r.duration("notify.min_interval", &c.Notify.MinInterval)
	r.count("notify.burst", &c.Notify.Burst, 1)
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

// wrongKind reports a value of the wrong kind. It never shows the value, which may be a secret.
func (r *reader) wrongKind(key, want string, got any) {
	r.fail(key, "takes %s, not %s", want, kind(got))
}

func kind(v any) string {
	switch v.(type) {
	case string:
		return "a string"
	case bool:
		return "a boolean"
	case int64:
		return "a whole number"
	case float64:
		return "a fraction"
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	}
	return "a date or time"
}

func text[T ~string](r *reader, key string, to *T) bool {
	v, ok := r.lookup(key)
	if !ok {
		return false
	}
	s, ok := v.(string)
	if !ok {
		r.wrongKind(key, "a string", v)
		return false
	}
	*to = T(s)
	return true
}

// enum reads a string that must be one of choices.
func enum[T ~string](r *reader, key string, to *T, choices ...T) {
	var s T
	if !text(r, key, &s) {
		return
	}
	if !slices.Contains(choices, s) {
		r.fail(key, "%q is not one of %s", s, quoted(choices))
		return
	}
	*to = s
}

// list reads a list of one or more different choices.
func list[T ~string](r *reader, key string, to *[]T, choices ...T) {
	words, ok := r.strings(key)
	if !ok {
		return
	}
	out := make([]T, 0, len(words))
	for i, w := range words {
		element := fmt.Sprintf("%s[%d]", key, i)
		switch {
		case !slices.Contains(choices, T(w)):
			r.fail(element, "%q is not one of %s", w, quoted(choices))
		case slices.Contains(out, T(w)):
			r.fail(element, "%q stands there twice", w)
		}
		out = append(out, T(w))
	}
	if len(out) == 0 {
		r.fail(key, "is empty; name at least one of %s", quoted(choices))
	}
	*to = out
}

func quoted[T ~string](choices []T) string {
	words := make([]string, len(choices))
	for i, c := range choices {
		words[i] = fmt.Sprintf("%q", c)
	}
	return strings.Join(words, ", ")
}

// strings reads a list of strings.
func (r *reader) strings(key string) ([]string, bool) {
	v, ok := r.lookup(key)
	if !ok {
		return nil, false
	}
	values, ok := v.([]any)
	if !ok {
		r.wrongKind(key, "a list of strings", v)
		return nil, false
	}
	words := make([]string, 0, len(values))
	for i, v := range values {
		s, ok := v.(string)
		if !ok {
			r.wrongKind(fmt.Sprintf("%s[%d]", key, i), "a string", v)
			return nil, false
		}
		words = append(words, s)
	}
	return words, true
}

func (r *reader) boolean(key string, to *bool) {
	v, ok := r.lookup(key)
	if !ok {
		return
	}
	b, ok := v.(bool)
	if !ok {
		r.wrongKind(key, "true or false", v)
		return
	}
	*to = b
}

// count reads a whole number that is not less than least.
func (r *reader) count(key string, to *int, least int64) {
	v, ok := r.lookup(key)
	if !ok {
		return
	}
	n, ok := v.(int64)
	switch {
	case !ok:
		r.wrongKind(key, "a whole number", v)
	case n < least || n > math.MaxInt32:
		r.fail(key, "%d is not between %d and %d", n, least, math.MaxInt32)
	default:
		*to = int(n)
	}
}

// duration reads "5s", or a whole number of seconds.
func (r *reader) duration(key string, to *time.Duration) bool {
	v, ok := r.lookup(key)
	if !ok {
		return false
	}
	var d time.Duration
	switch v := v.(type) {
	case int64:
		if v < 0 || v > math.MaxUint32 {
			r.fail(key, "%d seconds are not between 0 and %d", v, uint32(math.MaxUint32))
			return false
		}
		d = time.Duration(v) * time.Second
	case string:
		var err error
		if d, err = time.ParseDuration(v); err != nil {
			r.fail(key, "%q is not a duration such as \"5s\", \"30m\" or \"1h\"", v)
			return false
		}
	default:
		r.wrongKind(key, `a duration such as "5s"`, v)
		return false
	}
	if d < 0 {
		r.fail(key, "%s is negative", d)
		return false
	}
	*to = d
	return true
}

// timeout reads a duration that cannot be switched off.
func (r *reader) timeout(key string, to *time.Duration) {
	if r.duration(key, to) && *to < time.Second {
		r.fail(key, "%s is less than a second; slow peers exist", *to)
	}
}

func (r *reader) level(key string, to *slog.Level) {
	names := []string{"debug", "info", "warn", "error"}
	name := ""
	enum(r, key, &name, names...)
	if i := slices.Index(names, name); i >= 0 {
		*to = slog.LevelDebug + slog.Level(4*i)
	}
}

// agentName reads a name that may stand in a key of Redis and in a log line.
func (r *reader) agentName(key string, to *string) {
	if !text(r, key, to) {
		return
	}
	if len(*to) > 64 || strings.IndexFunc(*to, func(c rune) bool { return !isNameRune(c) }) >= 0 {
		r.fail(key, "%q is not at most 64 letters, digits, dots, hyphens and underscores", *to)
	}
}

func isNameRune(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune(".-_", c)
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
