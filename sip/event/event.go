// Package event is the mechanics of SIP-specific event notification (RFC
// 6665) that need no state of their own: the Event and Subscription-State
// header fields, the notifier's side of a dialog with its packed form, the
// rendering of a NOTIFY, and the choice of a body's type by Accept.
//
// Who is subscribed, and what they are told, is the notifier's affair.
package event

import (
	"strconv"
	"strings"
)

// Type is an Event header field's value (RFC 6665 s.8.2.1).
type Type struct {
	Package string // lower case, with its template: "presence.winfo"
	ID      string // tells subscriptions in one dialog apart; "" without
}

// ParseType reads an Event header field. Parameters other than id are ignored
// here (RFC 6665 s.8.2.1 leaves them to the package).
func ParseType(value string) Type {
	name, params, _ := strings.Cut(value, ";")
	t := Type{Package: strings.ToLower(strings.TrimSpace(name))}
	for p := range strings.SplitSeq(params, ";") {
		k, v, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(k), "id") {
			t.ID = strings.TrimSpace(v)
		}
	}
	return t
}

func (t Type) String() string {
	if t.ID == "" {
		return t.Package
	}
	return t.Package + ";id=" + t.ID
}

// State is the state of a subscription as Subscription-State speaks it
// (RFC 6665 s.4.1.3).
type State string

const (
	Active     State = "active"
	Pending    State = "pending"    // awaiting the presentity's decision
	Terminated State = "terminated" // with a Reason
)

// Reason says why a subscription is terminated (RFC 6665 s.4.1.3).
type Reason string

const (
	Deactivated Reason = "deactivated" // subscribe again at once, elsewhere
	Probation   Reason = "probation"   // subscribe again later
	Rejected    Reason = "rejected"    // the rules changed; do not come back
	Timeout     Reason = "timeout"     // not refreshed, ended by the watcher, or a fetch
	Giveup      Reason = "giveup"      // no decision in time
	NoResource  Reason = "noresource"  // what was watched is gone
	Invariant   Reason = "invariant"   // it will not change
)

// AppendSubscriptionState writes the value of a Subscription-State header
// field. seconds is the remaining time of an active or pending subscription,
// and the retry-after of a terminated one (0: none). RFC 6665 s.4.2.2.
func AppendSubscriptionState(dst []byte, s State, why Reason, seconds int) []byte {
	dst = append(dst, s...)
	if s != Terminated {
		dst = append(dst, ";expires="...)
		return strconv.AppendInt(dst, int64(max(seconds, 0)), 10)
	}
	if why != "" {
		dst = append(dst, ";reason="...)
		dst = append(dst, why...)
	}
	if seconds > 0 {
		dst = append(dst, ";retry-after="...)
		dst = strconv.AppendInt(dst, int64(seconds), 10)
	}
	return dst
}
