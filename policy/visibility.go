package policy

import (
	"slices"

	"presenced/pidf"
)

// NamespaceVisibility is that of visibility rules' action.
const NamespaceVisibility = "urn:presenced:visibility-rules"

// Watching is how much of a watcher's watching is shown in watcher
// information. Where several rules match, the largest value counts.
type Watching uint8

const (
	Hidden Watching = iota // not shown at all
	Brief                  // address and status; no display name, no times, no history
	Shown
)

var watchings = []string{"hidden", "brief", "shown"}

func (w Watching) String() string {
	if int(w) < len(watchings) {
		return watchings[w]
	}
	return "invalid"
}

// Visibility is a watcher's visibility rules (RFC 2778 s.2.2): common policy
// (RFC 4745) in which the identity is that of the presentity watched, the
// sphere the watcher's own, and the action is <watching>, one of shown, brief
// and hidden.
type Visibility struct{ ruleset[Watching] }

// ParseVisibility reads visibility rules within the limits of ParseRules. Any
// error is an *Error.
func ParseVisibility(doc []byte) (*Visibility, error) {
	s, err := parseRuleset(doc, permitWatching)
	if err != nil {
		return nil, err
	}
	return &Visibility{*s}, nil
}

// Of returns how much of it is shown that the rules' owner watches a
// presentity. Without a rule that matches, all is; a rule without an action
// gives the lowest value (RFC 4745 s.10.2).
func (v *Visibility) Of(presentity string, c Context) Watching {
	watching, matched := Hidden, false
	for permits := range v.matching(presentity, c) {
		watching, matched = max(watching, *permits), true
	}
	if !matched {
		return Shown
	}
	return watching
}

func permitWatching(w *Watching, where part, e element) error {
	if e.Name() != (pidf.Name{Namespace: NamespaceVisibility, Local: "watching"}) || where != actions {
		return checkExtension(e)
	}
	value, err := e.token()
	if err != nil {
		return err
	}
	i := slices.Index(watchings, value)
	if i < 0 {
		return e.fail("%.40q is not shown, brief or hidden", value)
	}
	*w = max(*w, Watching(i))
	return nil
}
