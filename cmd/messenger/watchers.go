package main

import (
	"cmp"
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/emiago/sipgo/sip"

	"presenced/watcherinfo"
)

// watchers tells who watches (RFC 3857): one list, each change with --follow,
// or the recent past with --history.
func watchers(ctx context.Context, a *agent, _ []string) error {
	presentity, err := a.presentity()
	if err != nil {
		return err
	}
	o := a.options
	var q *questions
	if o.ask {
		if q, err = a.newQuestions(); err != nil {
			return err
		}
	}
	switch {
	case o.history && (o.follow || o.ask):
		return usageError("--history stands alone")
	case o.history:
		return a.history(ctx, presentity)
	case o.follow:
		return a.followWatchers(ctx, presentity, q)
	}
	return a.listWatchers(ctx, presentity, q)
}

// listWatchers fetches watcher information: full state (RFC 3857 s.4.5).
func (a *agent) listWatchers(ctx context.Context, presentity sip.Uri, q *questions) error {
	n, err := a.fetchOnce(ctx, presentity, &winfoPackage)
	if err != nil {
		return err
	}
	if n.watchers == nil {
		return failed("no watchers of %s: %s", name(presentity), cmp.Or(n.problem, printable(n.reason), "the NOTIFY has no body"))
	}
	now := a.terminal.now()
	var rows [][]string
	for _, l := range n.watchers.Lists {
		for i := range l.Watchers {
			w := &l.Watchers[i]
			rows = append(rows, watcherRow(w, now))
			if a.options.json {
				a.out.line(watcherEvent(w, presentity, now), "")
			}
		}
	}
	if len(rows) == 0 {
		a.out.notice("nobody watches %s", name(presentity))
		return nil
	}
	a.out.table([]string{"WATCHER", "NAME", "STATUS", "EVENT", "SINCE", "EXPIRES"}, rows)
	if q == nil {
		return nil
	}
	q.update(n.watchers.Lists)
	return q.askAll(ctx)
}

// table prints rows for people.
func (o *output) table(head []string, rows [][]string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.json {
		return
	}
	w := tabwriter.NewWriter(o.stdout, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{head}, rows...) {
		for _, cell := range row[:len(row)-1] {
			fmt.Fprintf(w, "%s\t", cmp.Or(cell, "-"))
		}
		fmt.Fprintf(w, "%s\n", cmp.Or(row[len(row)-1], "-"))
	}
	if err := w.Flush(); err != nil {
		fmt.Fprintln(o.stderr, "messenger:", err)
	}
}

func watcherRow(w *watcherinfo.Watcher, now time.Time) []string {
	row := []string{nameOf(w.URI), printable(w.DisplayName), string(w.Status), printable(string(w.Event)), "", ""}
	if w.Subscribed >= 0 {
		row[4] = ago(now, w.Subscribed)
	}
	if w.Expiration >= 0 {
		row[5] = "in " + w.Expiration.String()
	}
	return row
}

// ago is when something happened: the time, with the date where that is not
// today's.
func ago(now time.Time, d time.Duration) string {
	then := now.Add(-d)
	if then.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return then.Format(time.TimeOnly)
	}
	return then.Format(time.DateTime)
}

// watcherEvent is a watcher as a line of --json.
func watcherEvent(w *watcherinfo.Watcher, presentity sip.Uri, now time.Time) event {
	e := event{
		Event: "watcher", Presentity: presentity.String(), Watcher: w.URI, ID: w.ID,
		Name: w.DisplayName, State: string(w.Status), Reason: string(w.Event),
	}
	if w.Subscribed >= 0 {
		e.Since = now.Add(-w.Subscribed).UTC().Format(time.RFC3339)
	}
	if w.Expiration >= 0 {
		e.Expires = int(w.Expiration.Seconds())
	}
	return e
}

// followWatchers prints each change until Ctrl-C, and asks about those who wait
// for a decision.
func (a *agent) followWatchers(ctx context.Context, presentity sip.Uri, q *questions) error {
	log := &watcherLog{out: a.out, presentity: presentity, questions: q}
	if q != nil {
		ctx, stop := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() {
			defer close(done)
			q.run(ctx)
		}()
		defer func() { stop(); <-done }()
	}
	return a.follow(ctx, a.newSubscription(&winfoPackage, presentity, log))
}

// watcherLog puts the documents of a subscription together and prints what is
// new.
type watcherLog struct {
	out        *output
	presentity sip.Uri
	questions  *questions // nil: nothing is asked
	view       *watcherinfo.View
	known      map[string]watcherinfo.Watcher // as printed, by id; of all dialogs
	empty      bool                           // it was told that nobody watches
}

// begin forgets what was put together: versions count anew in each dialog.
func (l *watcherLog) begin() { l.view = new(watcherinfo.View) }

func (l *watcherLog) hear(n notification) (refresh bool) {
	if n.watchers == nil {
		if n.problem != "" {
			l.out.trouble(failed("%s", n.problem), "the watchers of %s cannot be read: %s", name(l.presentity), n.problem)
		} else if n.state == "pending" {
			l.out.notice("the subscription to the watchers of %s is pending", name(l.presentity))
		}
		return false
	}
	refresh, err := l.view.Apply(n.watchers)
	if err != nil {
		l.out.notice("the watchers of %s: %s", name(l.presentity), err)
		return false
	}
	if refresh {
		l.out.notice("a change of the watchers of %s did not arrive; all are asked for", name(l.presentity))
	}
	l.show()
	if l.questions != nil {
		l.questions.update(l.view.Lists())
	}
	return refresh
}

// show prints what differs from what was printed.
func (l *watcherLog) show() {
	before := l.known
	l.known = map[string]watcherinfo.Watcher{}
	for _, list := range l.view.Lists() {
		for i := range list.Watchers {
			w := &list.Watchers[i]
			key := list.Resource + " " + list.Package + " " + w.ID
			was, printed := before[key]
			delete(before, key)
			if !printed || was.Status != w.Status || was.Event != w.Event || was.DisplayName != w.DisplayName {
				l.tell(w, string(w.Status)+" ("+printable(string(w.Event))+")")
			}
			if w.Status != watcherinfo.Terminated {
				l.known[key] = *w
			}
		}
	}
	if !l.view.Complete() {
		for key, w := range before { // not heard of is not gone
			l.known[key] = w
		}
	} else {
		for _, w := range before { // full state without it
			w.Status, w.Event = watcherinfo.Terminated, ""
			w.Expiration, w.Subscribed = watcherinfo.Absent, watcherinfo.Absent
			l.tell(&w, "gone")
		}
	}
	if len(l.known) == 0 && !l.empty {
		l.out.notice("nobody watches %s", name(l.presentity))
	}
	l.empty = len(l.known) == 0
}

func (l *watcherLog) tell(w *watcherinfo.Watcher, status string) {
	now := l.out.now()
	text := watcherName(w) + " is " + status
	if w.Subscribed >= 0 {
		text += ", since " + ago(now, w.Subscribed)
	}
	if w.Expiration >= 0 && w.Status != watcherinfo.Terminated {
		text += ", expires in " + w.Expiration.String()
	}
	l.out.tell(watcherEvent(w, l.presentity, now), "%s", text)
}

// watcherName is who watches. The address comes first: the name is what the
// watcher calls itself.
func watcherName(w *watcherinfo.Watcher) string {
	if w.DisplayName == "" {
		return nameOf(w.URI)
	}
	return nameOf(w.URI) + " (" + quoted(w.DisplayName) + ")"
}
