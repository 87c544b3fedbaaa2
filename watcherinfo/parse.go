package watcherinfo

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"presenced/pidf"
)

// Limits of the documents that [Parse] reads.
const (
	MaxSize     = 4 << 20 // bytes
	MaxWatchers = 20_000  // elements of one document, and watchers of a View
)

// SyntaxError says why a document was refused.
type SyntaxError struct {
	Line   int // line of the document, from 1
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("watcherinfo: line %d: %s", e.Line, e.Reason)
}

var reader = pidf.Reader{
	MaxSize: MaxSize, MaxElements: MaxWatchers, MaxDepth: 16,
	Root: pidf.Name{Namespace: Namespace, Local: "watcherinfo"},
}

// Parse reads the document of any server. Any error is a *SyntaxError.
//
// Hostile XML and what leaves the recipient without a view is refused: no
// version or state, a list without a resource, a watcher without an id or with
// an unknown status. All else is passed over: elements and attributes of other
// namespaces (RFC 3858 s.3), a malformed duration. An event is kept as it
// stands: it informs a person and decides nothing. COMPAT: Kamailio and
// OpenSIPS write subscribe for every one.
func Parse(body []byte) (*Document, error) {
	var tree pidf.Document
	if err := reader.Read(&tree, body); err != nil {
		return nil, refused(err)
	}
	root := tree.Root()
	d := new(Document)
	if reason := d.readRoot(root); reason != "" {
		return nil, &SyntaxError{root.Line(), reason}
	}
	for e := range root.Children() {
		if e.Name() != (pidf.Name{Namespace: Namespace, Local: "watcher-list"}) {
			continue
		}
		l := List{Resource: strings.TrimSpace(e.Attribute("resource")), Package: strings.TrimSpace(e.Attribute("package"))}
		if l.Resource == "" {
			return nil, &SyntaxError{e.Line(), "watcher-list without a resource"}
		}
		if err := l.readWatchers(e); err != nil {
			return nil, err
		}
		d.Lists = append(d.Lists, l)
	}
	return d, nil
}

func refused(err error) *SyntaxError {
	var syntax *pidf.SyntaxError
	if !errors.As(err, &syntax) {
		return &SyntaxError{1, err.Error()}
	}
	if syntax.Element == "" {
		return &SyntaxError{syntax.Line, syntax.Reason}
	}
	return &SyntaxError{syntax.Line, "element " + syntax.Element + ": " + syntax.Reason}
}

// readRoot returns why the root element is refused, "" if it is not.
func (d *Document) readRoot(root pidf.Element) string {
	// RFC 3858 s.3: representable using a 32 bit integer.
	version, err := strconv.ParseUint(strings.TrimSpace(root.Attribute("version")), 10, 32)
	if err != nil {
		return "version is not a number of 32 bits"
	}
	d.Version = uint32(version)
	switch strings.TrimSpace(root.Attribute("state")) {
	case "full":
		d.Full = true
	case "partial":
	default:
		return "state is neither full nor partial"
	}
	return ""
}

func (l *List) readWatchers(list pidf.Element) error {
	for e := range list.Children() {
		if e.Name() != (pidf.Name{Namespace: Namespace, Local: "watcher"}) {
			continue
		}
		w := Watcher{
			ID:          strings.TrimSpace(e.Attribute("id")),
			URI:         strings.TrimSpace(e.Text()),
			Status:      Status(strings.TrimSpace(e.Attribute("status"))),
			Event:       Event(strings.TrimSpace(e.Attribute("event"))),
			DisplayName: e.Attribute("display-name"),
			Expiration:  seconds(e.Attribute("expiration")),
			Subscribed:  seconds(e.Attribute("duration-subscribed")),
		}
		if w.DisplayName != "" {
			w.Lang = e.Language()
		}
		switch {
		case w.ID == "":
			return &SyntaxError{e.Line(), "watcher without an id"}
		case w.Status.Code() == 0:
			return &SyntaxError{e.Line(), "watcher with an unknown status"}
		}
		l.Watchers = append(l.Watchers, w)
	}
	return nil
}

// seconds reads a duration, Absent if it is none. One that time.Duration cannot
// hold becomes the longest that it can.
func seconds(s string) time.Duration {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange), err == nil && n > math.MaxInt64/uint64(time.Second):
		return math.MaxInt64
	case err != nil:
		return Absent
	}
	return time.Duration(n) * time.Second
}
