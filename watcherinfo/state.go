package watcherinfo

import "fmt"

// Status is a state of the subscription state machine (RFC 3857 s.4.7.1).
//
//	         subscribe              approved
//	init -----------------> pending ---------> active
//	 |  |    no policy         | timeout         ^ |
//	 |  |                      v                 | | all ends
//	 |  |                   waiting              | v
//	 |  |                      | approved too    | terminated
//	 |  +-- subscribe, accept -|-----------------+
//	 +----- subscribe, reject -+---> terminated
//
// From each state but init, noresource and rejected lead to terminated;
// deactivated and probation do from pending and active, giveup from pending and
// waiting, timeout from active.
type Status string

const (
	Init       Status = "init"       // a SUBSCRIBE has arrived; transient, never in a document
	Pending    Status = "pending"    // awaiting the presentity's decision
	Active     Status = "active"     // the watcher is notified
	Waiting    Status = "waiting"    // ended before a decision was made; kept so that one can be made
	Terminated Status = "terminated" // over; told once and forgotten
)

// Event is what leads from one status to the next (RFC 3857 s.4.7.1).
type Event string

const (
	Subscribe   Event = "subscribe"   // a SUBSCRIBE created the subscription
	Approved    Event = "approved"    // the presentity has decided for the watcher
	Deactivated Event = "deactivated" // ended by the server; the watcher may come back at once
	Probation   Event = "probation"   // ended by the server; the watcher may come back later
	Rejected    Event = "rejected"    // the presentity has decided against the watcher
	Timeout     Event = "timeout"     // expired, or ended by the watcher
	Giveup      Event = "giveup"      // no decision within the time that the server keeps it
	NoResource  Event = "noresource"  // what was watched exists no longer
)

// Policy is what is known about a watcher when its SUBSCRIBE arrives.
type Policy string

const (
	Undecided Policy = "undecided" // no policy: the presentity must decide
	Accept    Policy = "accept"
	Reject    Policy = "reject"
)

// TransitionError says that an event cannot happen in a status.
type TransitionError struct {
	Status Status
	Event  Event
	Policy Policy // of a Subscribe
}

func (e *TransitionError) Error() string {
	return fmt.Sprintf("watcherinfo: no %s (policy %q) in status %s", e.Event, e.Policy, e.Status)
}

// Next returns the status that an event leads to by RFC 3857 s.4.7.1, figure 1.
// The policy counts for Subscribe only. Where the figure has no such arrow the
// status stays, and the error is a *TransitionError.
//
// One arrow is RFC 5025's (s.3.2.1): rules that change to confirm take an
// active subscription back to pending. No event was defined for it; it is
// Subscribe with policy Undecided, as if the watcher had just come.
func Next(s Status, e Event, p Policy) (Status, error) {
	switch s {
	case Init:
		if e == Subscribe {
			return subscribed(p)
		}
	case Pending:
		switch e {
		case Approved:
			return Active, nil
		case Timeout:
			return Waiting, nil
		case NoResource, Rejected, Deactivated, Probation, Giveup:
			return Terminated, nil
		}
	case Active:
		switch e {
		case NoResource, Rejected, Deactivated, Probation, Timeout:
			return Terminated, nil
		case Subscribe:
			if p == Undecided {
				return Pending, nil
			}
		}
	case Waiting:
		switch e {
		case NoResource, Rejected, Giveup, Approved:
			return Terminated, nil
		}
	}
	return s, &TransitionError{s, e, p}
}

func subscribed(p Policy) (Status, error) {
	switch p {
	case Undecided:
		return Pending, nil
	case Accept:
		return Active, nil
	case Reject:
		return Terminated, nil
	}
	return Init, &TransitionError{Init, Subscribe, p}
}

// statuses and events are those that a document may hold. A position is the
// Code of its value, and is kept in stores: values are only added at the end.
var (
	statuses = [...]Status{Pending, Active, Waiting, Terminated}
	events   = [...]Event{Subscribe, Approved, Deactivated, Probation, Rejected, Timeout, Giveup, NoResource}
)

// Code returns a number from 1 to 255 for a status that a document may hold,
// the same in every release, and 0 for any other.
func (s Status) Code() uint8 { return code(statuses[:], s) }

// Code returns a number from 1 to 255 for an event of RFC 3857, the same in
// every release, and 0 for any other.
func (e Event) Code() uint8 { return code(events[:], e) }

// StatusOf is the inverse of [Status.Code]; it returns "" for 0 and for numbers
// never given.
func StatusOf(n uint8) Status { return coded(statuses[:], n) }

// EventOf is the inverse of [Event.Code]; it returns "" for 0 and for numbers
// never given.
func EventOf(n uint8) Event { return coded(events[:], n) }

func code[T comparable](values []T, value T) uint8 {
	for i, known := range values {
		if known == value {
			return uint8(i + 1)
		}
	}
	return 0
}

func coded[T ~string](values []T, n uint8) T {
	if n == 0 || int(n) > len(values) {
		return ""
	}
	return values[n-1]
}
