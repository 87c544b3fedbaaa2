// Package config reads the configuration of a presence agent: a TOML file becomes a validated [Config].
//
// An empty file, or none, is a node that serves: see [Default]. Reading is strict. An unknown key, a value of
// the wrong kind and a setting that an RFC forbids are errors that name file, line and key; what is allowed but
// likely to surprise is a [Warning]. Every key is read in one place, the method (*reader).config.
//
// It leaves out everything that needs a socket: names are not resolved and addresses are not bound. Parse
// touches no file; Load also looks whether the certificate files can be read.
package config

import (
	"log/slog"
	"time"
)

// Config is a validated configuration. It is not changed after loading; a reload makes a new one.
type Config struct {
	// Domains are the hosts whose principals live here, in lower case, IPv6 addresses in brackets.
	// Default: localhost, 127.0.0.1 and [::1], which every machine has.
	Domains []string
	// Services are what this agent answers for (RFC 2779 s.2.1.1: each is usable without the others).
	// Default: all. A platform in front often owns REGISTER.
	Services []Service

	Listen     Listen
	TLS        TLS
	Auth       Auth
	Principals []Principal
	Access     Access
	Store      Store
	Presence   Presence
	Notify     Notify
	Watchers   Watchers
	Expires    Expires
	Limits     Limits
	Log        Log
	Control    Control
	Cluster    Cluster
}

// Service is one of the services that can be switched on alone.
type Service string

const (
	ServicePresence  Service = "presence"  // PUBLISH, SUBSCRIBE, NOTIFY
	ServiceMessage   Service = "message"   // MESSAGE
	ServiceRegistrar Service = "registrar" // REGISTER
)

// Listen holds the listeners of each transport. Where udp is configured and tcp is not, tcp takes the addresses
// of udp, because RFC 3261 s.18.2.1 demands TCP on every port that serves UDP.
type Listen struct {
	UDP  []Listener // Default: port 5060 on both loopbacks.
	TCP  []Listener // Default: as UDP.
	TLS  []Listener // Default: none, as it needs a certificate.
	HTTP []Listener // Health and metrics. Default: port 8080 on both loopbacks.
	// XCAP listens for the HTTP API of principals (RFC 4825), in the clear. Default: port 8081 on both loopbacks,
	// but none where the file sets http or xcaps: several nodes of one machine then need no third port each.
	XCAP  []Listener
	XCAPS []Listener // The same over TLS. Default: none, as it needs a certificate.
}

// TLS holds the files of the TLS listeners, all PEM. Paths are relative to the working directory.
type TLS struct {
	Cert     string // Certificate chain, the leaf first.
	Key      string // Private key of Cert.
	ClientCA string // Authorities whose client certificates are believed. Empty: none is asked for.
}

// AuthMode says how a principal proves who it is.
type AuthMode string

const (
	AuthDigest AuthMode = "digest" // RFC 8760 digest credentials
	AuthNone   AuthMode = "none"   // the From header is believed
)

// Algorithm is a digest algorithm as it is spelt in a challenge (RFC 8760 s.2.7).
type Algorithm string

const (
	MD5       Algorithm = "MD5"
	SHA256    Algorithm = "SHA-256"
	SHA512256 Algorithm = "SHA-512-256"
)

// Auth says who is believed.
type Auth struct {
	// Mode is none by default, so that a first try needs no password; then only loopback may be listened on.
	Mode AuthMode
	// OpenToEveryone allows mode none on addresses that others can reach: anybody may then act as any
	// principal. Default: false.
	OpenToEveryone bool
	// XCAPInClear allows xcap without TLS on addresses that others can reach: who listens on the way reads the rules
	// and, with mode digest, may change them on their way. Default: false.
	XCAPInClear bool
	// Trusted are the proxies whose P-Asserted-Identity is believed (RFC 3325). Default: none.
	Trusted Trusted
	// Algorithms are offered in this order, one challenge each. Default: MD5 alone, because several softphones
	// do not register when SHA-256 is offered too.
	Algorithms []Algorithm
}

// SubHandling is what a watcher gets (RFC 5025 s.3.2.1).
type SubHandling string

const (
	Allow       SubHandling = "allow"        // sees presence at once
	Confirm     SubHandling = "confirm"      // pending until the presentity decides
	PoliteBlock SubHandling = "polite-block" // sees a presentity that is always offline
	Block       SubHandling = "block"        // refused
)

// Access holds for presentities without a rules document: with one, its rules alone decide. Operators and Hiding hold
// for all.
type Access struct {
	Default        SubHandling // Watchers of the own domains. Default: allow, as colleagues expect.
	DefaultForeign SubHandling // Watchers of other domains. Default: confirm, as strangers must ask.
	// Operators are addresses-of-record that may publish for every presentity, see its watchers and edit its rules
	// (RFC 2779 s.2.3). Default: none.
	Operators []string
	// Hiding lets watchers hide from watcher information by their visibility rules. Default: true; false shows
	// their address and status in any case.
	Hiding bool
	// Anonymous admits watchers without credentials (RFC 3323) to the evaluation of the rules before they are
	// challenged. Default: false, because a presentity cannot tell them apart.
	Anonymous bool
}

// Engine is where state is kept.
type Engine string

const (
	EngineEmbedded Engine = "embedded" // this process; one agent
	EngineRedis    Engine = "redis"    // a Redis that many agents share
)

// Store says where state is kept.
type Store struct {
	Engine Engine // Default: embedded, which needs no server.
	// Path is the folder of the embedded engine. Default: empty, which is memory alone: nothing survives
	// the process.
	Path string
	// Redis is the address of the Redis engine; nil for the embedded one.
	Redis *Redis
	// AcceptLosingDurableState lets principals be stored on a Redis without "appendfsync always". Such a Redis
	// may forget what it has acknowledged. Default: false, then they are refused.
	AcceptLosingDurableState bool
}

// Presence is what presence information is composed of.
type Presence struct {
	// Registration has a registered inbox count as reachable while nothing is published of any service of its
	// presentity. Watchers see the address-of-record, never where the inbox is. Default: true; without it nobody
	// can tell who only registers from who is away.
	Registration bool
}

// Notify paces NOTIFYs that carry a changed document. A change of the subscription's state never waits.
type Notify struct {
	// MinInterval is the least time between two NOTIFYs to one watcher. Default: 5 s, the figure of RFC 3856
	// s.6.10. Zero is no pacing.
	MinInterval time.Duration
	// Burst is how many NOTIFYs may go out at once after a quiet time. Default: 2, so that a quick change
	// of mind is seen at once.
	Burst int
}

// Watchers is what is kept and told of who watches (RFC 3857).
type Watchers struct {
	// MinInterval is the least time between two NOTIFYs of watcher information to one subscriber, but for those
	// of its own subscription's state. Default: 5 s, the figure of RFC 3857 s.4.10. Zero is no pacing.
	MinInterval time.Duration
	// GiveUp is how long a subscription waits for the presentity's decision, the time after its end included.
	// Default: 7 days (168h), as RFC 3857 s.4.7.1 wants a user to see who came days ago. Zero: none waits.
	GiveUp time.Duration
	// Undecided is how many subscriptions without a decision one watcher may have, as RFC 3857 s.4.7.1 demands.
	// Default: 500, a large list of contacts who all have yet to decide; about 0.5 MB.
	Undecided int
	// Past is how long it is remembered who fetched and whose subscription ended. Default: 24 h, the last day.
	// Zero: not at all.
	Past time.Duration
	// Visitors is how many such watchers of one presentity are remembered; the stalest go. Default: 200, about
	// 15 kB of memory.
	Visitors int
}

// Expires bounds the life of soft state, by the method that creates it.
type Expires struct {
	Register  Interval // A minimum of an hour or more is forbidden (RFC 3261 s.10.3, step 7).
	Publish   Interval
	Subscribe Interval // A minimum of an hour or more is forbidden (RFC 6665 s.4.2.1.1).
}

// Interval bounds an Expires value, in whole seconds. Min <= Default <= Max.
type Interval struct {
	Min     time.Duration // Less is answered 423. Default: 60 s, about what a keep-alive costs anyway.
	Max     time.Duration // More is shortened. Default: 24 h, then a device that vanished is forgotten.
	Default time.Duration // For a request that names none. Default: 1 h (RFC 3261 s.10.2, RFC 3856 s.6.4).
}

// Limits bound what one peer can make the agent hold or do. Zero is off where it says so.
type Limits struct {
	// MessageSize is the largest SIP message in bytes. Default: 65,536, what a datagram can carry.
	MessageSize int
	// BodySize is the largest body in bytes. Default: 49,152, which leaves 16 kB for the head.
	BodySize int
	// SubscriptionsPerWatcher is per principal. Default: 5,000: a large list of contacts on several devices,
	// about 3 MB at 0.6 kB each.
	SubscriptionsPerWatcher int
	// PublicationsPerPresentity is per event package. Default: 32: every device of a person, and those that
	// restarted and forgot their entity-tag.
	PublicationsPerPresentity int
	// BindingsPerInbox is how many contacts one address-of-record may register. Default: 32, for the same
	// reason. A MESSAGE forks to each of them.
	BindingsPerInbox int
	// Connections is how many TCP and TLS connections are open in all. Default: 20,000; at some 20 kB each
	// that is 400 MB at the worst.
	Connections int
	// ConnectionsPerAddress is how many of them one address may hold. Trusted proxies are exempt. Default: 2,000,
	// an office behind one NAT. Zero is off.
	ConnectionsPerAddress int
	// RequestsPerSource is per address and second. Trusted proxies are exempt. Default: 0, off, because a NAT
	// and a load test look alike; a node that others can reach is warned to set it.
	RequestsPerSource int
	// RequestsPerPrincipal is per authenticated principal and second. Default: 0, off.
	RequestsPerPrincipal int
	// IdleTimeout closes a connection without traffic. Default: 65 m: a client without keep-alives is heard
	// of when it registers again, by default every hour; to close earlier would make it unreachable.
	IdleTimeout time.Duration
	// ReadTimeout is how long one message may take from its first byte to its last. Default: 30 s, about the
	// life of a transaction (RFC 3261 s.17.1.2.2, Timer F).
	ReadTimeout time.Duration
	// WriteTimeout is how long a peer may refuse to take bytes. Default: 10 s; then the connection is closed.
	WriteTimeout time.Duration
}

// LogFormat is how a log line is written.
type LogFormat string

const (
	LogText LogFormat = "text" // key=value, for people
	LogJSON LogFormat = "json" // one object a line, for collectors
)

// Log says what is logged and how.
type Log struct {
	Level  slog.Level // Default: info. At debug there is a line per request.
	Format LogFormat  // Default: text.
}

// Control is where the commands of an operator reach the running agent.
type Control struct {
	// Socket is the path of a Unix socket. Default: empty; [Config.ControlSocket] chooses.
	Socket string
}

// Cluster is for several agents on one Redis.
type Cluster struct {
	// Agent is this agent's name, unlike that of any other. Default: empty, one is made up at each start.
	Agent string
	// Grace is how long nobody is reported as gone after Redis came back empty. Default: 30 s, in which
	// the agents put back what they serve.
	Grace time.Duration
}
