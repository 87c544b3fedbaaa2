// Package policy holds the presentity's and the domain's rules: who sees
// presence (access rules). It implements the sub-handling of RFC 5025 s.3.2.1
// and the domain's defaults for a presentity that has no rules of its own.
// Rules documents (RFC 4745, RFC 5025), visibility rules and delivery rules
// are not here yet. It knows no SIP.
package policy

import "fmt"

// SubHandling is what becomes of a subscription (RFC 5025 s.3.2.1). The order
// is the RFC's: where several rules match, the largest value counts.
type SubHandling uint8

const (
	Block       SubHandling = iota // rejected
	Confirm                        // pending, until the presentity decides
	PoliteBlock                    // accepted; sees a presentity that is offline
	Allow
)

var names = [...]string{"block", "confirm", "polite-block", "allow"}

func (h SubHandling) String() string {
	if int(h) < len(names) {
		return names[h]
	}
	return fmt.Sprintf("SubHandling(%d)", uint8(h))
}

// ParseSubHandling reads a value as RFC 5025 s.6 writes it.
func ParseSubHandling(s string) (SubHandling, error) {
	for h, name := range names {
		if s == name {
			return SubHandling(h), nil
		}
	}
	return Block, fmt.Errorf("policy: unknown sub-handling %q", s)
}
