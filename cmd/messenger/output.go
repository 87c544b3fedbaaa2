package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
)

// event is one line of --json. These names are stable; fields that do not
// apply are absent.
//
//	time        RFC 3339, when it was seen here
//	event       presence, subscription, message, registered, unregistered,
//	            published, unpublished, sent, error, watcher, visit, decided,
//	            rule, visibility, delegated, stored, deleted
//	uri         the principal that acts
//	presentity  who is watched; visibility: that or @domain, absent for everybody;
//	            rule, stored, deleted: whose
//	watcher     watcher, visit, decided: who watches
//	state       presence, subscription: active, pending or terminated; watcher:
//	            waiting too
//	reason      subscription: why it is terminated; sent, error: the reason
//	            phrase; watcher: the event that led to the state (RFC 3857
//	            s.4.7.1); visit: the one that ended the last subscription
//	since       watcher: RFC 3339, when the subscription began
//	last        visit: RFC 3339, when the watcher was seen last
//	fetches     visit: how many
//	subscriptions  visit: how many have ended
//	id          watcher: of the subscription; rule: of the rule
//	handling    decided, rule: allow, confirm, polite-block or block;
//	            visibility: shown, brief or hidden
//	delegated   delegated: publish, watchers, rules
//	status      presence: open, closed or unknown; published: open or closed
//	notes       presence, published: texts
//	activities, moods, places, spheres
//	            presence, published, stored: words of RFC 4480 s.3
//	around      the same: what places are like: noisy, dark
//	offset      the same: minutes that clocks there are ahead of UTC
//	input       the same: active or idle
//	tuples      presence: the parts as they came: id, status, contact, priority,
//	            notes, class, input, device
//	document    presence: the XML, with --document
//	retry_after subscription, error: seconds until the next attempt, where the server named them
//	expires     registered, published: seconds granted; watcher: seconds left
//	contact     registered: where this inbox is reached
//	etag        published: the entity-tag
//	from, to    message, sent: URIs; delegated: to whom
//	name        message: the sender's display name; watcher, visit: the watcher's
//	type        message: MIME type; stored, deleted, presence with --permanent: the
//	            application usage
//	size        message: bytes
//	expired     message: true where its time was over (RFC 3428 s.7)
//	text        message: a text's characters; other types have none; rule: in words
//	code        sent, error: the response's code
//	error       error: what went wrong, for people
type event struct {
	Time       string   `json:"time"`
	Event      string   `json:"event"`
	URI        string   `json:"uri,omitempty"`
	Presentity string   `json:"presentity,omitempty"`
	Watcher    string   `json:"watcher,omitempty"`
	ID         string   `json:"id,omitempty"`
	State      string   `json:"state,omitempty"`
	Reason     string   `json:"reason,omitempty"`
	Since      string   `json:"since,omitempty"`
	Handling   string   `json:"handling,omitempty"`
	Delegated  []string `json:"delegated,omitempty"`
	Status     string   `json:"status,omitempty"`
	Notes      []string `json:"notes,omitempty"`
	Activities []string `json:"activities,omitempty"`
	Moods      []string `json:"moods,omitempty"`
	Places     []string `json:"places,omitempty"`
	Around     []string `json:"around,omitempty"`
	Spheres    []string `json:"spheres,omitempty"`
	Offset     *int     `json:"offset,omitempty"`
	Input      string   `json:"input,omitempty"`
	Tuples     []tuple  `json:"tuples,omitempty"`
	Document   string   `json:"document,omitempty"`
	RetryAfter int      `json:"retry_after,omitempty"`
	Expires    int      `json:"expires,omitempty"`
	Contact    string   `json:"contact,omitempty"`
	ETag       string   `json:"etag,omitempty"`
	From       string   `json:"from,omitempty"`
	To         string   `json:"to,omitempty"`
	Name       string   `json:"name,omitempty"`
	Type       string   `json:"type,omitempty"`
	Size       *int     `json:"size,omitempty"`
	Expired    bool     `json:"expired,omitempty"`
	Text       *string  `json:"text,omitempty"`
	Last       string   `json:"last,omitempty"`
	Fetches    uint64   `json:"fetches,omitempty"`
	Times      uint64   `json:"subscriptions,omitempty"`
	Code       int      `json:"code,omitempty"`
	Error      string   `json:"error,omitempty"`
}

type tuple struct {
	ID       string   `json:"id"`
	Status   string   `json:"status"`
	Contact  string   `json:"contact,omitempty"`
	Priority string   `json:"priority,omitempty"`
	Notes    []string `json:"notes,omitempty"`
	Class    string   `json:"class,omitempty"`
	Input    string   `json:"input,omitempty"`
	Device   string   `json:"device,omitempty"`
}

// output writes what a command found out: for people, or as JSON.
type output struct {
	mu             sync.Mutex
	stdout, stderr io.Writer
	json           bool
	now            func() time.Time
}

func newOutput(t *terminal, o *options) *output {
	return &output{stdout: t.stdout, stderr: t.stderr, json: o.json, now: t.now}
}

// tell writes one event; people get the text behind the time.
func (o *output) tell(e event, format string, args ...any) {
	o.line(e, "%s %s", o.now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

// line writes one event; people get the text alone.
func (o *output) line(e event, format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.json {
		o.write(e)
		return
	}
	fmt.Fprintf(o.stdout, "%s\n", fmt.Sprintf(format, args...))
}

// raw writes a document as it is; as JSON it is a part of the event.
func (o *output) raw(e event, document string) {
	if e.Document = document; o.json {
		o.line(e, "")
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	fmt.Fprintln(o.stdout, strings.TrimRight(document, "\n"))
}

func (o *output) write(e event) {
	e.Time = o.now().UTC().Format(time.RFC3339)
	line, err := json.Marshal(e)
	if err != nil {
		fmt.Fprintln(o.stderr, "messenger:", err)
		return
	}
	fmt.Fprintf(o.stdout, "%s\n", line)
}

// notice tells people on stderr what goes on; scripts do not need it.
func (o *output) notice(format string, args ...any) {
	if o.json {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	fmt.Fprintf(o.stderr, "messenger: %s\n", fmt.Sprintf(format, args...))
}

// trouble tells of an error that does not end the command.
func (o *output) trouble(err error, format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	fmt.Fprintf(o.stderr, "messenger: %s\n", fmt.Sprintf(format, args...))
	if o.json {
		o.write(errorEvent(err))
	}
}

func errorEvent(err error) event {
	e := event{Event: "error", Error: err.Error()}
	var f *failure
	if errors.As(err, &f) {
		e.Code, e.Reason, e.RetryAfter = f.code, f.reason, int(f.retryAfter.Seconds())
	}
	return e
}

// finish says how a command ended and returns its exit status.
func (o *output) finish(err error) int {
	if errors.Is(err, context.Canceled) {
		err = failed("interrupted")
	}
	if err != nil {
		o.trouble(err, "%s", err)
	}
	return exitStatus(err)
}

// printable makes a text harmless for a terminal: control and format
// characters are replaced, line ends too.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}

// quoted is a text as one harmless line in quotes.
func quoted(s string) string { return strconv.Quote(s) }
