package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/emiago/sipgo/sip"

	"presenced/watcherinfo"
)

// history tells who watched in the recent past: fetchers, pollers, and
// subscribers whose subscription has ended (RFC 2778's WATCHER INFORMATION).
func (a *agent) history(ctx context.Context, presentity sip.Uri) error {
	p, err := a.api()
	if err != nil {
		return err
	}
	res, err := p.do(ctx, http.MethodGet, "/watchers/"+url.PathEscape(presentity.Addr())+"/history", nil, nil)
	if err != nil {
		return err
	}
	if res.code != http.StatusOK {
		return res.refused("GET")
	}
	var told struct{ Visits []visit }
	if err := json.Unmarshal(res.body, &told); err != nil {
		return failed("the history of %s cannot be read: %s", name(presentity), printable(err.Error()))
	}
	if len(told.Visits) == 0 {
		a.out.notice("nobody has watched %s of late", name(presentity))
		return nil
	}
	now := a.terminal.now()
	var rows [][]string
	for i := range told.Visits {
		v := &told.Visits[i]
		rows = append(rows, v.row(now))
		if a.options.json {
			a.out.line(v.event(presentity), "")
		}
	}
	a.out.table([]string{"WATCHER", "NAME", "FETCHES", "SUBSCRIPTIONS", "LAST", "ENDED"}, rows)
	return nil
}

// visit is one watcher of the recent past.
type visit struct {
	Watcher       string
	DisplayName   string `json:"display_name"`
	Fetches       uint64
	Subscriptions uint64
	Last          time.Time
	Event         watcherinfo.Event // that ended its last subscription
}

// name is the watcher's; the agent counts all without one together.
func (v *visit) name() string {
	if v.Watcher == "" {
		return "anonymous"
	}
	return nameOf(v.Watcher)
}

func (v *visit) row(now time.Time) []string {
	return []string{
		v.name(), printable(v.DisplayName), strconv.FormatUint(v.Fetches, 10), strconv.FormatUint(v.Subscriptions, 10),
		ago(now, now.Sub(v.Last)), printable(string(v.Event)),
	}
}

func (v *visit) event(presentity sip.Uri) event {
	return event{
		Event: "visit", Presentity: presentity.String(), Watcher: v.Watcher, Name: v.DisplayName,
		Fetches: v.Fetches, Times: v.Subscriptions, Last: v.Last.UTC().Format(time.RFC3339), Reason: string(v.Event),
	}
}
