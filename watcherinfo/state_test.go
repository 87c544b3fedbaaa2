package watcherinfo

import (
	"errors"
	"testing"
)

// every arrow of RFC 3857 s.4.7.1, figure 1, and the one of RFC 5025 s.3.2.1.
var arrows = map[[2]string]map[Policy]Status{
	{"init", "subscribe"}:      {Undecided: Pending, Accept: Active, Reject: Terminated},
	{"pending", "approved"}:    anyPolicy(Active),
	{"pending", "timeout"}:     anyPolicy(Waiting),
	{"pending", "noresource"}:  anyPolicy(Terminated),
	{"pending", "rejected"}:    anyPolicy(Terminated),
	{"pending", "deactivated"}: anyPolicy(Terminated),
	{"pending", "probation"}:   anyPolicy(Terminated),
	{"pending", "giveup"}:      anyPolicy(Terminated),
	{"active", "noresource"}:   anyPolicy(Terminated),
	{"active", "rejected"}:     anyPolicy(Terminated),
	{"active", "deactivated"}:  anyPolicy(Terminated),
	{"active", "probation"}:    anyPolicy(Terminated),
	{"active", "timeout"}:      anyPolicy(Terminated),
	{"active", "subscribe"}:    {Undecided: Pending},
	{"waiting", "noresource"}:  anyPolicy(Terminated),
	{"waiting", "rejected"}:    anyPolicy(Terminated),
	{"waiting", "giveup"}:      anyPolicy(Terminated),
	{"waiting", "approved"}:    anyPolicy(Terminated),
}

func anyPolicy(s Status) map[Policy]Status {
	return map[Policy]Status{Undecided: s, Accept: s, Reject: s, "": s}
}

func TestNext(t *testing.T) {
	for _, s := range []Status{Init, Pending, Active, Waiting, Terminated, ""} {
		for _, e := range append(events[:], "") {
			for _, p := range []Policy{Undecided, Accept, Reject, ""} {
				got, err := Next(s, e, p)
				want, ok := arrows[[2]string{string(s), string(e)}][p]
				if !ok {
					want = s
				}
				var transition *TransitionError
				if got != want || (err == nil) != ok || err != nil && !errors.As(err, &transition) {
					t.Errorf("%s --%s(%s)--> %s, %v; want %s", s, e, p, got, err, want)
				}
			}
		}
	}
}

// What a document may hold has a number, and nothing else has.
func TestCodes(t *testing.T) {
	for n := range 256 {
		if s := StatusOf(uint8(n)); (s != "") != (n >= 1 && n <= 4) || s != "" && s.Code() != uint8(n) {
			t.Errorf("status %d is %q with code %d", n, s, s.Code())
		}
		if e := EventOf(uint8(n)); (e != "") != (n >= 1 && n <= 8) || e != "" && e.Code() != uint8(n) {
			t.Errorf("event %d is %q with code %d", n, e, e.Code())
		}
	}
	if Init.Code() != 0 || Status("").Code() != 0 || Event("x").Code() != 0 {
		t.Error("what no document may hold has a code")
	}
	if Pending.Code() != 1 || Terminated.Code() != 4 || Subscribe.Code() != 1 || NoResource.Code() != 8 {
		t.Error("codes are kept in stores and may not change")
	}
}
