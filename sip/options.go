package sip

import (
	"context"
	"slices"
	"strings"
)

// options answers OPTIONS with what the agent can do. RFC 3261 s.11.2; an
// address-of-record is answered as the agent itself, since nothing about the
// principal is told.
func (m *Mux) options(context.Context, *Request) (*Response, error) {
	return &Response{Code: StatusOK, Header: m.ability(), Stateless: true}, nil
}

// abilities are the header fields that say what the agent can do.
func (m *Mux) abilities() []Field {
	header := []Field{
		{"Allow", m.Allow()},
		{"Accept", strings.Join(m.config.Accept, ", ")},
		{"Accept-Encoding", "identity"},
		{"Supported", strings.Join(m.Supported(), ", ")},
	}
	if events := m.AllowEvents(); events != "" {
		header = append(header, Field{"Allow-Events", events})
	}
	return slices.Clip(header) // many answers share it
}

// Allow lists the methods that are served, in the order of their RFCs.
func (m *Mux) Allow() string {
	var names []string
	for _, name := range knownMethods {
		if m.methods[name].served() {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// Supported are the option tags that some method understands, sorted.
func (m *Mux) Supported() []string {
	tags := slices.Clone(m.config.Supported)
	for _, served := range m.methods {
		tags = append(tags, served.supported...)
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}

// AllowEvents lists the event packages that can be subscribed to or, where
// none can, those that are published.
func (m *Mux) AllowEvents() string {
	for _, name := range [...]string{"SUBSCRIBE", "PUBLISH"} {
		if served := m.methods[name]; served.served() {
			return served.allowEvents()
		}
	}
	return ""
}

func (s *method) allowEvents() string {
	names := make([]string, 0, len(s.packages))
	for name := range s.packages {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
