package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// readyTimeout bounds the question whether the store answers.
const readyTimeout = 2 * time.Second

// serveHTTP starts the HTTP server and the control socket.
func (s *Server) serveHTTP(failed chan<- error) (stop func(), err error) {
	web, control := newHTTP(s.routes()), newHTTP(s.control())
	stop = func() { web.Close(); control.Close() }
	for _, l := range s.sockets.http {
		go func() {
			if err := ended(web.Serve(l)); err != nil {
				failed <- fmt.Errorf("http: %w", err)
			}
		}()
	}
	path := s.config.Load().ControlSocket()
	if len(s.sockets.http) == 0 && s.config.Load().Control.Socket == "" {
		return stop, nil // embedded in a test: nobody asks
	}
	ln, err := controlSocket(path)
	if err != nil {
		return stop, fmt.Errorf("control socket: %w", err)
	}
	go func() {
		if err := ended(control.Serve(ln)); err != nil {
			failed <- fmt.Errorf("control socket: %w", err)
		}
	}()
	return stop, nil
}

// routes are what is seen from outside: /healthz says that the process
// serves, /readyz that its store does, /metrics what it counts.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	return mux
}

func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	switch err := s.engine.Ready(ctx); {
	case s.draining.Load():
		say(w, http.StatusServiceUnavailable, "going down")
	case err != nil:
		s.log.Debug("not ready", "err", err)
		say(w, http.StatusServiceUnavailable, "the store does not answer")
	default:
		say(w, http.StatusOK, "ok")
	}
}

func say(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	w.Write([]byte(text + "\n")) // a client that has gone needs no answer
}

// newHTTP is a server with bounds on what a client may take.
func newHTTP(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
}

// ended is err unless it only says that the server was shut down.
func ended(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
