package server

import (
	"context"
	"errors"
	"slices"
	"time"

	"presenced/internal/composition"
	"presenced/internal/config"
	"presenced/internal/filter"
	"presenced/internal/message"
	"presenced/internal/notifier"
	"presenced/internal/presence"
	"presenced/internal/registrar"
	"presenced/internal/store"
	"presenced/internal/store/redis"
	"presenced/policy"
	"presenced/sip"
	"presenced/sip/transport"
)

// accepted are the body types that OPTIONS names; MESSAGE takes any.
func accepted(c *config.Config) []string {
	var types []string
	if slices.Contains(c.Services, config.ServicePresence) {
		types = append(append(types, presence.Accepted...), filter.ContentType)
	}
	if slices.Contains(c.Services, config.ServiceMessage) {
		types = append(types, "*/*")
	}
	return types
}

// servePresence registers PUBLISH and SUBSCRIBE for the package "presence", and
// SUBSCRIBE for its watchers.
func (s *Server) servePresence() {
	s.mux.HandleEvent("PUBLISH", presence.Name, s.notifier.Promptly(sip.HandlerFunc(s.presence.Publish)))
	s.mux.HandleEvent("SUBSCRIBE", presence.Name, sip.HandlerFunc(s.notifier.Subscribe))
	s.mux.HandleEvent("SUBSCRIBE", presence.Name+".winfo", sip.HandlerFunc(s.notifier.Subscribe))
}

// serveRegistrar registers REGISTER.
func (s *Server) serveRegistrar(c *config.Config) {
	s.registrar = registrar.New(registrar.Config{
		Store: s.engine, Expires: registrar.Expires(seconds(c.Expires.Register)), Agent: s.agent,
		Limit: c.Limits.BindingsPerInbox, Local: c.Local, Ours: s.sockets.ours, Serves: s.transport.Serves, Log: s.log,
	})
	s.mux.Handle("REGISTER", sip.HandlerFunc(s.registrar.Register))
	s.mux.Support("REGISTER", "path")
	s.transport.OnClosed(s.registrar.Closed)
}

// serveMessage registers MESSAGE.
func (s *Server) serveMessage(c *config.Config) {
	s.message = message.New(message.Config{
		Store: s.engine, Sender: s.layer, Agent: s.agent, Known: s.known, Local: c.Local, Ours: s.sockets.ours,
		MaxBody: c.Limits.BodySize, AgentHop: s.fellows.hop, FlowKeys: s.fellows.keys,
		Reroute: s.reroute, Unreachable: s.unreachable, Log: s.log,
	})
	s.mux.Handle("MESSAGE", sip.HandlerFunc(s.message.Message))
}

// known says whether there is an inbox of this address: its principal can
// authenticate, or everybody is believed.
func (s *Server) known(ctx context.Context, aor string) (bool, error) {
	if s.config.Load().Auth.Mode == config.AuthNone {
		return true, nil
	}
	_, err := s.principals.Principal(ctx, aor)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// unreachable ends a binding whose connection is gone.
func (s *Server) unreachable(ctx context.Context, aor, contact, flow string) error {
	if s.registrar == nil {
		return nil
	}
	return s.registrar.Unreachable(ctx, aor, contact, flow)
}

// routed says whether a fellow agent sends r on through us.
func (s *Server) routed(r *sip.Request) bool { return s.message != nil && s.message.IsRelay(r) }

// guarded identifies who asks, unless a fellow agent has done so already.
func (s *Server) guarded(ctx context.Context, r *sip.Request) error {
	if s.routed(r) {
		return nil
	}
	return s.guard.Identify(ctx, r)
}

// makePresence makes the agent and the notifier, which every node has: without
// the service they have nothing to do.
func (s *Server) makePresence(c *config.Config) {
	prompt, _ := unwrap(s.engine).(notifier.Prompt) // of an engine in this process
	sources := composition.Config{
		Publications: s.engine, HardState: s.rules, Capacity: composed,
		Watched: func(key store.Key) *composition.Document { return presence.DocumentOf(s.notifier.Held(key)) },
	}
	var registrations presence.Registrations
	if c.Presence.Registration && slices.Contains(c.Services, config.ServiceRegistrar) {
		sources.Registrations, registrations = s.engine, s.engine
	}
	s.composer = composition.New(sources)
	s.presence = presence.New(presence.Config{
		Store: s.engine, Documents: s.composer, Registrations: registrations, Rules: s.rules, Expires: presence.Expires(seconds(c.Expires.Publish)),
		MaxBody: c.Limits.BodySize, PerPresentity: c.Limits.PublicationsPerPresentity,
		Reconsider: func(ctx context.Context, key store.Key) { s.notifier.ReconsiderKey(ctx, key) },
	}, accessRules(c))
	s.notifier = notifier.New(notifier.Config{
		Agent: s.agent, Store: s.engine, Feed: s.engine, Sender: s.layer, Observer: s.metrics, Log: s.log,
		Expires:     notifier.Expires(seconds(c.Expires.Subscribe)),
		MinInterval: c.Notify.MinInterval, Burst: c.Notify.Burst,
		PerWatcher: c.Limits.SubscriptionsPerWatcher, Grace: subscriptionGrace,
		WinfoInterval: c.Watchers.MinInterval, GiveUp: c.Watchers.GiveUp, Undecided: c.Watchers.Undecided,
		Past: c.Watchers.Past, Visitors: c.Watchers.Visitors,
		Contact: s.contact, Reroute: s.reroute, Prompt: prompt, Room: s.transport.Room, Delegates: s.rules, Visibility: s.rules,
	})
	s.notifier.Register(s.presence)
}

// bounds is a lifetime's bounds in seconds, as the services take them.
type bounds struct{ Min, Max, Default uint32 }

func seconds(i config.Interval) bounds {
	whole := func(d time.Duration) uint32 { return uint32(d / time.Second) }
	return bounds{whole(i.Min), whole(i.Max), whole(i.Default)}
}

// accessRules are the domain's defaults. Anonymous watchers are strangers.
func accessRules(c *config.Config) *policy.AccessRules {
	handling := func(h config.SubHandling) policy.SubHandling {
		parsed, err := policy.ParseSubHandling(string(h))
		if err != nil {
			return policy.Block // the configuration's check knows no such value
		}
		return parsed
	}
	return &policy.AccessRules{
		Default: handling(c.Access.Default), Foreign: handling(c.Access.DefaultForeign),
		Anonymous: handling(c.Access.DefaultForeign), Local: c.Local,
	}
}

// contact is our Contact in a dialog that came on flow (RFC 3261 s.12.1.1).
func (s *Server) contact(flow sip.Flow, secure bool) string {
	host := s.transport.SentBy(flow)
	switch {
	case secure:
		return "<sips:" + host + ">"
	case flow.Proto == sip.UDP:
		return "<sip:" + host + ">"
	case flow.Proto == sip.TCP:
		return "<sip:" + host + ";transport=tcp>"
	}
	return "<sip:" + host + ";transport=tls>"
}

// reroute finds a flow of ours to the peer of a stored one: the same flow
// while it is open, or one of our sockets for UDP.
func (s *Server) reroute(flow sip.Flow) (sip.Flow, bool) {
	if s.transport.Serves(flow) {
		return flow, true
	}
	if flow.Proto != sip.UDP {
		return flow, false
	}
	ours, err := s.transport.Connect(context.Background(), transport.Hop{Proto: sip.UDP, Addr: flow.Remote})
	return ours, err == nil
}

// lag is how far the feed is behind, for engines that have one.
func (s *Server) lag() (time.Duration, bool) {
	if e, ok := unwrap(s.engine).(interface{ FeedStats() redis.FeedStats }); ok {
		return e.FeedStats().Lag, true
	}
	return 0, false
}
