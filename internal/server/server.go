// Package server wires a whole node: New opens what it listens on and its
// store, Run serves until its context ends. It is embeddable: tests start
// nodes in their own process, several at once.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"presenced/internal/composition"
	"presenced/internal/config"
	"presenced/internal/identity"
	"presenced/internal/message"
	"presenced/internal/notifier"
	"presenced/internal/presence"
	"presenced/internal/registrar"
	"presenced/internal/rules"
	"presenced/sip"
	"presenced/sip/transaction"
	"presenced/sip/transport"
)

// Options are what a configuration does not say.
type Options struct {
	Log     io.Writer // nil: discarded
	Network Network   // nil: the machine's own
	Engine  Engine    // nil: the one that the configuration names
}

// Server is one node: an agent with its listeners and its store.
type Server struct {
	config       atomic.Pointer[config.Config]
	log          *slog.Logger
	level        *slog.LevelVar
	sockets      *sockets
	certificates *certificates
	agent        string
	engine       Engine
	transport    *transport.Transport
	layer        *transaction.Layer
	mux          *sip.Mux
	guard        *identity.Guard
	principals   *identity.Layered
	composer     *composition.Composer
	presence     *presence.Agent
	notifier     *notifier.Notifier
	registrar    *registrar.Registrar
	message      *message.Service
	rules        *rules.Cache
	fellows      *fellows
	metrics      *metrics
	draining     atomic.Bool
	restoring    sync.WaitGroup
}

// composed is how many documents are kept; about 2 kB each.
const composed = 1 << 16

// subscriptionGrace is how long a subscription whose connection has gone is
// kept: a phone changes networks, and refreshes on a new connection.
const subscriptionGrace = 5 * time.Minute

// New binds every listener and opens the store.
func New(c *config.Config, o Options) (*Server, error) {
	s := &Server{level: new(slog.LevelVar), certificates: &certificates{}, metrics: newMetrics()}
	s.config.Store(c)
	s.restoring.Add(1)
	s.log = newLog(o.Log, c.Log.Format, s.level)
	s.level.Set(c.Log.Level)
	if err := s.certificates.load(c.TLS); err != nil {
		return nil, err
	}
	network := o.Network
	if network == nil {
		network = machine{}
	}
	var skipped []string
	var err error
	if s.sockets, skipped, err = bind(c, network, s.certificates); err != nil {
		return nil, err
	}
	for _, what := range skipped {
		s.log.Warn("not listening there: IPv6 seems to be off", "listener", what)
	}
	s.agent = agentName(c, s.sockets.hop())
	engine := o.Engine
	if engine == nil {
		if engine, err = OpenStore(context.Background(), c, s.agent, s.log); err != nil {
			s.sockets.close()
			return nil, err
		}
	}
	s.engine = metered{engine, s.metrics.operations()}
	s.fellows = &fellows{engine: s.engine, agent: s.agent}
	s.wire(c, network)
	s.metrics.registry.MustRegister(collector{s})
	return s, nil
}

// wire puts the layers on one another, from the bottom up.
func (s *Server) wire(c *config.Config, network Network) {
	s.transport = transport.New(transport.Config{
		Receiver: receiver{s}, Log: s.log,
		MaxMessage: c.Limits.MessageSize, MaxConnections: c.Limits.Connections,
		ConnectionsPerAddress: c.Limits.ConnectionsPerAddress, ConnectionExempt: c.Auth.Trusted.Address,
		IdleTimeout: c.Limits.IdleTimeout, ReadTimeout: c.Limits.ReadTimeout, WriteTimeout: c.Limits.WriteTimeout,
		Dial: network.Dial, BeforeWrite: s.beforeWrite(),
	})
	s.identify(c)
	s.mux = sip.NewMux(sip.MuxConfig{
		Local: c.Local, Accept: accepted(c),
		Guard: s.guarded, Routed: s.routed,
	})
	handling := transaction.Config{Handler: s.metrics.counted(s.mux), Log: s.log}
	if c.Store.Engine == config.EngineEmbedded {
		handling.Inline = true
		// The engine clones what it keeps of a publication, and the agent asks
		// for all else by address-of-record, which is no part of the message.
		// What waits to be sent to Redis may outlive the request.
		handling.Lent = []string{"PUBLISH"}
	}
	s.layer = transaction.New(s.transport, handling)
	s.makeRules()
	s.makePresence(c)
	for _, service := range c.Services {
		switch service {
		case config.ServicePresence:
			s.servePresence()
		case config.ServiceRegistrar:
			s.serveRegistrar(c)
		case config.ServiceMessage:
			s.serveMessage(c)
		}
	}
	s.transport.OnClosed(s.notifier.Closed)
}

// beforeWrite has the engine write what answers tell before they leave; nil for
// an engine that has done so when it returns.
func (s *Server) beforeWrite() func() {
	if e, ok := unwrap(s.engine).(interface{ Flush() }); ok {
		return e.Flush
	}
	return nil
}

// receiver lets the transport be made before the layer above it.
type receiver struct{ s *Server }

// Receive is transport.Receiver's. It waits until what was stored is restored.
func (r receiver) Receive(data []byte, flow sip.Flow, framing error) {
	r.s.restoring.Wait()
	r.s.layer.Receive(data, flow, framing)
}

// Addr is the first address that the node listens on for a protocol, or zero.
func (s *Server) Addr(proto sip.Proto) netip.AddrPort {
	if proto == sip.UDP {
		if len(s.sockets.packets) == 0 {
			return netip.AddrPort{}
		}
		return addrPort(s.sockets.packets[0].LocalAddr())
	}
	for _, l := range s.sockets.streams {
		if l.proto == proto {
			return addrPort(l.Addr())
		}
	}
	return netip.AddrPort{}
}

// HTTPAddr is the first address of the HTTP server, or zero.
func (s *Server) HTTPAddr() netip.AddrPort {
	if len(s.sockets.http) == 0 {
		return netip.AddrPort{}
	}
	return addrPort(s.sockets.http[0].Addr())
}

// XCAPAddr is the first address of the HTTP API of principals, or zero.
func (s *Server) XCAPAddr() netip.AddrPort {
	if len(s.sockets.xcap) == 0 {
		return netip.AddrPort{}
	}
	return addrPort(s.sockets.xcap[0].Addr())
}

func addrPort(a fmt.Stringer) netip.AddrPort {
	parsed, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{} // no IP address: a test's network
	}
	return parsed
}

// drainTime is how long requests and NOTIFYs in flight may take to finish
// when the node goes down.
const drainTime = 5 * time.Second

// Run serves until ctx ends, then drains: no new work, what is in flight
// finished, subscriptions kept in the store for the next start.
func (s *Server) Run(ctx context.Context) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	failed := make(chan error, 8)
	var wait sync.WaitGroup
	serve := func(name string, f func(context.Context) error) {
		wait.Go(func() {
			if err := f(background); err != nil {
				failed <- fmt.Errorf("%s: %w", name, err)
			}
		})
	}
	serve("store", s.engine.Run)
	if err := s.guard.Refresh(ctx); err != nil {
		s.log.Warn("the nonces' keys are this agent's own until the store answers", "err", err)
	}
	serve("fellows", s.fellows.run)
	serve("rules", s.rules.Run)
	serve("presence", s.presence.Run)
	serve("identity", func(ctx context.Context) error { s.guard.Run(ctx); return nil })
	// What is restored needs the sockets to its peers, or it is suspended. A
	// request must find all of it: Receive waits.
	s.listen()
	s.restore(ctx)
	serve("notifier", s.notifier.Run)
	serve("store", s.watchLoss)
	serve("memory", s.giveMemoryBack)
	closeHTTP, err := s.serveHTTP(failed)
	closeXCAP := s.serveXCAP(failed)
	if err == nil {
		s.log.Info("serving", "agent", s.agent, "store", s.config.Load().Store.Engine)
		select {
		case <-ctx.Done():
		case err = <-failed:
		}
	}
	s.drain()
	closeXCAP()
	stop()
	wait.Wait()
	closeHTTP()
	return errors.Join(err, s.engine.Close())
}

func (s *Server) restore(ctx context.Context) {
	defer s.restoring.Done()
	count, err := s.notifier.Restore(ctx)
	if err != nil {
		s.log.Warn("subscriptions not restored", "err", err)
	} else if count > 0 {
		s.log.Info("subscriptions restored", "count", count)
	}
}

func (s *Server) listen() {
	for _, p := range s.sockets.packets {
		s.transport.ServePacket(p.PacketConn, p.advertise)
	}
	for _, l := range s.sockets.streams {
		s.transport.Serve(l.Listener, l.proto, l.advertise)
	}
}

func (s *Server) drain() {
	s.draining.Store(true)
	s.notifier.Drain()
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if err := s.layer.Drain(ctx); err != nil {
		s.log.Info("went down before every transaction had ended", "err", err)
	}
	s.layer.Close()
	s.transport.Close()
}

// watchLoss has the notifier put its subscriptions again when the store has
// forgotten them. An engine that cannot lose anything says nothing.
func (s *Server) watchLoss(ctx context.Context) error {
	lossy, ok := unwrap(s.engine).(interface{ Lost() <-chan struct{} })
	if !ok {
		return nil
	}
	for {
		select {
		case <-lossy.Lost():
			s.notifier.Lost(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

func unwrap(e Engine) Engine {
	if m, ok := e.(metered); ok {
		return m.Engine
	}
	return e
}
