package config

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestNeedRestart(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Config)
		want   []string
	}{
		"nothing":         {func(*Config) {}, nil},
		"log level":       {func(c *Config) { c.Log.Level = slog.LevelDebug }, nil},
		"access":          {func(c *Config) { c.Access.Default = Block }, nil},
		"principals":      {func(c *Config) { c.Principals = []Principal{{URI: "sip:a@localhost"}} }, nil},
		"certificate":     {func(c *Config) { c.TLS.Cert = "x" }, nil},
		"listen, cluster": {func(c *Config) { c.Listen.HTTP, c.Cluster.Grace = nil, time.Hour }, []string{"[listen]", "[cluster]"}},
		"log format":      {func(c *Config) { c.Log.Format = LogJSON }, []string{"[log] format"}},
		"redis password": {func(c *Config) {
			c.Store.Redis = &Redis{Password: NewSecret("x")}
		}, []string{"[store]"}},
	} {
		next := Default()
		test.change(next)
		if got := Default().NeedRestart(next); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func BenchmarkParseThousandPrincipals(b *testing.B) {
	var file strings.Builder
	file.WriteString("auth.mode = \"digest\"\n")
	for i := range 1000 {
		fmt.Fprintf(&file, "[[principal]]\nuri = \"sip:p%d@localhost\"\npassword = \"x\"\n", i)
	}
	data := []byte(file.String())
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Parse("", data); err != nil {
			b.Fatal(err)
		}
	}
}
