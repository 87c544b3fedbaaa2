package xcap

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// Visit is one watcher of the recent past (RFC 2778's WATCHER INFORMATION has fetchers and pollers too).
type Visit struct {
	Watcher       string // address-of-record; "" for the anonymous ones together
	DisplayName   string
	Fetches       int           // how often it fetched or polled
	Subscriptions int           // how many of its subscriptions ended
	Last          time.Duration // how long ago the last of either was
	Event         string        // that ended its last subscription (RFC 3858); "" where it only fetched
}

// history is the JSON of /watchers/{aor}/history.
type history struct {
	Visits []visit `json:"visits"`
}

type visit struct {
	Watcher       string `json:"watcher"`
	DisplayName   string `json:"display_name,omitempty"`
	Fetches       int    `json:"fetches"`
	Subscriptions int    `json:"subscriptions"`
	Last          string `json:"last"` // RFC 3339, to the second, UTC
	Event         string `json:"event,omitempty"`
}

// watchers answers /watchers/{aor} and its history.
func (s *Server) watchers(ctx context.Context, viewer string, t *target) (*answer, error) {
	switch {
	case s.Watchers == nil:
		return nil, refuse(http.StatusNotFound, "this agent serves no presence, so nobody watches here")
	case t.history:
		return s.history(ctx, viewer, t.aor)
	}
	doc, err := s.Watchers.WatcherInfo(ctx, viewer, t.aor)
	if err != nil {
		return nil, err
	}
	return &answer{code: http.StatusOK, media: "application/watcherinfo+xml", body: doc}, nil
}

func (s *Server) history(ctx context.Context, viewer, aor string) (*answer, error) {
	visits, err := s.Watchers.History(ctx, viewer, aor)
	if err != nil {
		return nil, err
	}
	h, now := history{Visits: make([]visit, len(visits))}, s.Now()
	for i, v := range visits {
		h.Visits[i] = visit{v.Watcher, v.DisplayName, v.Fetches, v.Subscriptions, now.Add(-v.Last).UTC().Format(time.RFC3339), v.Event}
	}
	body, err := json.Marshal(h)
	return &answer{code: http.StatusOK, media: "application/json", body: body}, err
}
