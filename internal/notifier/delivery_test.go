package notifier

import (
	"testing"
	"testing/synctest"
	"time"

	"presenced/sip/transaction"
)

// inHand is a Sender that keeps the NOTIFY in hand, and answers it inside Send
// where it shall.
type inHand struct {
	delivery     *delivery
	inside, kept bool
}

// Send is Sender's.
func (h *inHand) Send(_ *transaction.Outgoing, u transaction.User) transaction.ID {
	h.delivery = u.(*delivery)
	if h.inside {
		h.delivery.Answered(1, 200, nil)
		h.kept = h.delivery.s != nil
	}
	return 1
}

// Cancel is Sender's.
func (h *inHand) Cancel(transaction.ID) {}

// TestDeliveryIsUsedAgain: by nobody before both its answer has come and Send
// has returned, nor ever where Slow may be on its way.
func TestDeliveryIsUsedAgain(t *testing.T) {
	for _, c := range []struct {
		name   string
		inside bool
		after  time.Duration
		kept   bool
	}{
		{"answered inside Send", true, 0, false},
		{"answered at once", false, 0, false},
		{"answered before T1", false, 499 * time.Millisecond, false},
		{"answered at T1", false, 500 * time.Millisecond, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newBenchNode(t)
				h := &inHand{inside: c.inside}
				n.Sender = h
				res, err := n.Subscribe(t.Context(), benchRequest(t, 1, 2))
				if err != nil {
					t.Fatal(err)
				}
				res.After()
				if !c.inside {
					if h.delivery.s == nil {
						t.Error("free before its answer came")
					}
					time.Sleep(c.after)
					h.delivery.Answered(1, 200, nil)
				} else if !h.kept {
					t.Error("free before Send returned")
				}
				if kept := h.delivery.s != nil; kept != c.kept {
					t.Errorf("kept: %v, want %v", kept, c.kept)
				}
			})
		})
	}
}
