package config

import "reflect"

// NeedRestart names the parts in which next differs from c and that a running agent cannot take over. What it
// can is: principals, access defaults, the log level and the files of TLS.
func (c *Config) NeedRestart(next *Config) []string {
	var parts []string
	for _, part := range []struct {
		name     string
		old, new any
	}{
		{"domains", c.Domains, next.Domains},
		{"services", c.Services, next.Services},
		{"[listen]", c.Listen, next.Listen},
		{"[auth]", c.Auth, next.Auth},
		{"[store]", c.Store, next.Store},
		{"[presence]", c.Presence, next.Presence},
		{"[notify]", c.Notify, next.Notify},
		{"[watchers]", c.Watchers, next.Watchers},
		{"[expires]", c.Expires, next.Expires},
		{"[limits]", c.Limits, next.Limits},
		{"[log] format", c.Log.Format, next.Log.Format},
		{"[control]", c.Control, next.Control},
		{"[cluster]", c.Cluster, next.Cluster},
	} {
		if !reflect.DeepEqual(part.old, part.new) {
			parts = append(parts, part.name)
		}
	}
	return parts
}
