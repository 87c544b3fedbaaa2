package config

import (
	"log/slog"
	"net/netip"
	"time"
)

// Default returns the node without configuration: all services for the principals of this machine, on loopback
// only, without a password, in memory. The reason for each value is at its field.
func Default() *Config {
	interval := Interval{Min: time.Minute, Max: 24 * time.Hour, Default: time.Hour}
	return &Config{
		Domains:  []string{"localhost", "127.0.0.1", "[::1]"},
		Services: []Service{ServicePresence, ServiceMessage, ServiceRegistrar},
		Listen:   Listen{UDP: loopbacks(5060), TCP: loopbacks(5060), HTTP: loopbacks(8080), XCAP: loopbacks(8081)},
		Auth:     Auth{Mode: AuthNone, Algorithms: []Algorithm{MD5}},
		Access:   Access{Default: Allow, DefaultForeign: Confirm, Hiding: true},
		Store:    Store{Engine: EngineEmbedded},
		Presence: Presence{Registration: true},
		Notify:   Notify{MinInterval: 5 * time.Second, Burst: 2},
		Watchers: Watchers{MinInterval: 5 * time.Second, GiveUp: 7 * 24 * time.Hour, Undecided: 500, Past: 24 * time.Hour, Visitors: 200},
		Expires:  Expires{Register: interval, Publish: interval, Subscribe: interval},
		Limits: Limits{
			MessageSize:               64 << 10,
			BodySize:                  48 << 10,
			SubscriptionsPerWatcher:   5000,
			PublicationsPerPresentity: 32,
			BindingsPerInbox:          32,
			Connections:               20000,
			ConnectionsPerAddress:     2000,
			IdleTimeout:               65 * time.Minute,
			ReadTimeout:               30 * time.Second,
			WriteTimeout:              10 * time.Second,
		},
		Log:     Log{Level: slog.LevelInfo, Format: LogText},
		Cluster: Cluster{Grace: 30 * time.Second},
	}
}

// loopbacks returns a listener on each loopback. That of IPv6 is optional: machines without IPv6 exist.
func loopbacks(port uint16) []Listener {
	return []Listener{
		{Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)},
		{Address: netip.AddrPortFrom(netip.IPv6Loopback(), port), Optional: true},
	}
}
