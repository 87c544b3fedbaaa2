package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// duration is written "10s".
type duration struct{ time.Duration }

func (d *duration) UnmarshalText(text []byte) (err error) {
	d.Duration, err = time.ParseDuration(string(text))
	return err
}

func (d duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// settings are a workload: a file, or what the flags say.
type settings struct {
	Server      string   `toml:"server"`   // udp:127.0.0.1:5060, tcp:..., tls:...
	Domain      string   `toml:"domain"`   // of all principals
	Password    string   `toml:"password"` // of all principals; empty: a challenge is a failure
	Sockets     int      `toml:"sockets"`  // or connections
	RcvBuf      int      `toml:"rcvbuf"`   // bytes; 0 leaves the kernel's stock size
	BodySize    int      `toml:"body_size"`
	Expires     uint32   `toml:"expires"`       // seconds
	Patience    duration `toml:"patience"`      // for NOTIFYs after their cause was answered
	Limit       duration `toml:"limit"`         // of a phase that is bounded by a count
	MaxInFlight int      `toml:"max_in_flight"` // operations, in open loop
	Phases      []phase  `toml:"phase"`

	OwnNetwork bool `toml:"-"`
	Leave      bool `toml:"-"`
}

// phase is a part of a run, with figures of its own.
type phase struct {
	Name       string             `toml:"name" json:"name"`
	Operation  string             `toml:"operation" json:"operation,omitempty"`
	Rates      map[string]float64 `toml:"rates" json:"rates,omitempty"` // operation -> per second, instead of Operation
	InFlight   int                `toml:"in_flight" json:"in_flight,omitempty"`
	Rate       float64            `toml:"rate" json:"rate,omitempty"`         // per second: open loop
	Of         string             `toml:"of" json:"of,omitempty"`             // an earlier phase: Fraction of its rate
	Fraction   float64            `toml:"fraction" json:"fraction,omitempty"` //
	Principals int                `toml:"principals" json:"principals"`       // whom it is about: presentities, senders
	Watchers   int                `toml:"watchers" json:"watchers"`           // of each presentity; buddies of each that logs in
	Dead       int                `toml:"dead" json:"dead,omitempty"`         // of all watchers: never answer, on sockets of their own
	Duration   duration           `toml:"duration" json:"duration"`
	Count      int                `toml:"count" json:"count,omitempty"` // operations
}

func defaults() *settings {
	return &settings{
		Server: "udp:127.0.0.1:5060", Domain: "127.0.0.1", Sockets: 1, Expires: 3600,
		Patience: duration{10 * time.Second}, Limit: duration{5 * time.Minute}, MaxInFlight: 100_000,
	}
}

func readWorkload(path string, set *settings) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	d := toml.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(set); err != nil {
		var strict *toml.StrictMissingError
		if errors.As(err, &strict) {
			return fmt.Errorf("%s: %s", path, strict.String())
		}
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// check makes the phases whole and says what cannot be.
func (set *settings) check() error {
	if len(set.Phases) == 0 {
		return errors.New("no phase: name a --scenario or a workload file")
	}
	if set.Patience.Duration <= 0 || set.Limit.Duration <= 0 || set.MaxInFlight < 1 || set.Sockets < 1 || set.Sockets > 1000 {
		return errors.New("patience, limit, max_in_flight and sockets must be positive (sockets at most 1000)")
	}
	known := map[string]bool{}
	for i := range set.Phases {
		p := &set.Phases[i]
		if p.Name == "" {
			p.Name = fmt.Sprintf("%d %s", i+1, p.Operation)
		}
		if err := p.check(known); err != nil {
			return fmt.Errorf("phase %q: %w", p.Name, err)
		}
		known[p.Name] = true
	}
	return nil
}

const maxDead = 1000 // as many as there may be sockets

func (p *phase) check(known map[string]bool) error {
	if (p.Operation == "") == (len(p.Rates) == 0) {
		return errors.New("needs either an operation or rates")
	}
	for name := range p.Rates {
		if _, err := parseOperation(name); err != nil {
			return err
		}
	}
	if p.Operation != "" {
		if _, err := parseOperation(p.Operation); err != nil {
			return err
		}
	}
	if p.Of != "" && (!known[p.Of] || p.Fraction <= 0) {
		return fmt.Errorf("of = %q needs an earlier phase and a fraction", p.Of)
	}
	if p.Dead > maxDead {
		return fmt.Errorf("more than %d dead watchers: each has a socket", maxDead)
	}
	if p.Dead < 0 || p.Rate < 0 || p.InFlight < 0 || p.Principals < 0 || p.Watchers < 0 || p.Count < 0 || p.Duration.Duration < 0 {
		return errors.New("a number is negative")
	}
	if p.Principals == 0 {
		p.Principals = 1000
	}
	if p.InFlight == 0 {
		p.InFlight = 100
	}
	once := p.Operation == string(login) || p.Operation == string(subscribeEnd) || p.Operation == string(publishEnd)
	if p.Duration.Duration == 0 && p.Count == 0 && !once {
		p.Duration.Duration = 5 * time.Second
	}
	return nil
}
