package identity

import (
	"strings"

	"presenced/sip"
)

// speakFor holds From against the identified principal. The refusal is remembered for retransmissions, because checking
// the credentials again would find a replay.
func (g *Guard) speakFor(id sip.Identity, r *sip.Request, from *sip.Address) (sip.Identity, error) {
	if isAnonymous(from) || r.FromAOR() == id.AOR {
		return g.withPrivacy(id, r, from), nil
	}
	g.stats.Spoofed.Add(1)
	return sip.Identity{}, &sip.Error{Code: sip.StatusForbidden, Reason: "From is not the authenticated identity"}
}

// withPrivacy notes whether the principal wants to stay unknown to whom it asks.
func (g *Guard) withPrivacy(id sip.Identity, r *sip.Request, from *sip.Address) sip.Identity {
	id.Anonymous = isAnonymous(from) || wantsPrivacy(r)
	return id
}

// isAnonymous says whether From is an anonymous one: RFC 3323 s.4.1.1.3 and RFC 3261 s.8.1.1.3 have any user at
// anonymous.invalid. Another address beside the display name "Anonymous" may be somebody's, so it is not anonymous here.
func isAnonymous(from *sip.Address) bool {
	u := &from.URI
	return (u.Scheme == "sip" || u.Scheme == "sips") && strings.EqualFold(u.Host, "anonymous.invalid")
}

// wantsPrivacy reads Privacy, whose values are divided by semicolons, by commas in old clients: "id" hides the asserted
// identity (RFC 3325 s.9.3), "user" what a user agent would leave out itself (RFC 3323 s.4.2).
func wantsPrivacy(r *sip.Request) bool {
	if !r.Has("Privacy") {
		return false
	}
	for _, value := range r.Values("Privacy") {
		for _, word := range strings.FieldsFunc(value, betweenPrivacy) {
			if strings.EqualFold(word, "id") || strings.EqualFold(word, "user") {
				return true
			}
		}
	}
	return false
}

func betweenPrivacy(c rune) bool { return c == ';' || c == ',' || c == ' ' || c == '\t' }

// passesAnonymously says whether a request without credentials may pass as nobody's.
func (g *Guard) passesAnonymously(r *sip.Request, from *sip.Address) bool {
	return g.Anonymous && r.Method() == "SUBSCRIBE" && isAnonymous(from)
}
