package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"

	"presenced/internal/notifier"
	"presenced/internal/presence"
	"presenced/internal/store"
)

// The control socket is where the operator's commands ask the running agent:
// HTTP with JSON over a Unix socket that only the agent's own user may open.
//
//	GET    /principals         the addresses-of-record that can authenticate
//	PUT    /principals         a store.Principal: added or replaced
//	DELETE /principals?aor=A
//	GET    /show?aor=A         a Shown
//	POST   /collect            a Heap, after garbage was collected

// Shown is what the agent knows of a presentity.
type Shown struct {
	AOR          string
	Publications []ShownPublication
	Bindings     []ShownBinding
	Watchers     []notifier.Watcher
}

// ShownPublication is a publication without its body.
type ShownPublication struct {
	ID, Source, UserAgent string
	Bytes                 int
	Expires               int // seconds
}

// ShownBinding is a registered contact.
type ShownBinding struct {
	Contact, Agent, UserAgent string
	Path                      []string
	Expires                   int // seconds
}

// controlSocket opens the socket. One that no process serves any more is
// replaced; one that is served is an error.
func controlSocket(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	ln, err := net.Listen("unix", path)
	if errors.Is(err, syscall.EADDRINUSE) {
		if c, dialled := net.Dial("unix", path); dialled == nil {
			c.Close()
			return nil, fmt.Errorf("another agent serves %s", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
		ln, err = net.Listen("unix", path)
	}
	if err != nil {
		return nil, err
	}
	return ln, os.Chmod(path, 0o600)
}

func (s *Server) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /principals", func(w http.ResponseWriter, r *http.Request) {
		list := []string{}
		err := s.engine.Principals(r.Context(), func(p store.Principal) error {
			list = append(list, p.AOR)
			return nil
		})
		reply(w, list, err)
	})
	mux.HandleFunc("PUT /principals", func(w http.ResponseWriter, r *http.Request) {
		var p store.Principal
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&p)
		if err == nil {
			err = s.engine.PutPrincipal(r.Context(), p)
		}
		s.principals.Forget(p.AOR)
		reply(w, struct{}{}, err)
	})
	mux.HandleFunc("DELETE /principals", func(w http.ResponseWriter, r *http.Request) {
		aor := r.FormValue("aor")
		err := s.engine.DeletePrincipal(r.Context(), aor)
		s.principals.Forget(aor)
		reply(w, struct{}{}, err)
	})
	mux.HandleFunc("GET /show", func(w http.ResponseWriter, r *http.Request) {
		shown, err := s.show(r.Context(), r.FormValue("aor"))
		reply(w, shown, err)
	})
	mux.HandleFunc("POST /collect", func(w http.ResponseWriter, _ *http.Request) { reply(w, collect(), nil) })
	return mux
}

func reply(w http.ResponseWriter, value any, err error) {
	switch {
	case errors.Is(err, store.ErrNotFound):
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(value) // a client that has gone needs no answer
}

func (s *Server) show(ctx context.Context, aor string) (*Shown, error) {
	shown := &Shown{AOR: aor}
	key := store.Key{AOR: aor, Package: presence.Name}
	pubs, err := s.engine.Publications(ctx, key)
	if err != nil {
		return nil, err
	}
	for _, p := range pubs.List {
		shown.Publications = append(shown.Publications, ShownPublication{
			ID: p.ID, Source: p.Source, UserAgent: p.UserAgent, Bytes: len(p.Body), Expires: int(p.TTL.Seconds())})
	}
	reg, err := s.engine.Bindings(ctx, aor)
	if err != nil {
		return nil, err
	}
	for _, b := range reg.Bindings {
		shown.Bindings = append(shown.Bindings, ShownBinding{
			Contact: b.Contact, Agent: b.Agent, UserAgent: b.UserAgent, Path: b.Path, Expires: int(b.TTL.Seconds())})
	}
	shown.Watchers, err = s.notifier.Watchers(ctx, key)
	return shown, err
}
