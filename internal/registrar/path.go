package registrar

import (
	"slices"
	"strings"

	"presenced/sip"
)

// path is the path vector of the bindings that r makes (RFC 3327 s.5.3),
// topmost first.
//
// A proxy that adds Path where the UA does not support it has acted on its
// own: 420, so that the UA can see it. A trusted peer may: it stands in front
// of this agent by its operator's will, and the real clients behind it
// (linphone, libpurple) say nothing of Path.
//
// A proxy that sends REGISTER on a connection and gives no Path would lose
// all its clients with that connection. It is reached again where its Via
// says, as if it had given that as its Path ("the registrar MAY apply a
// locally-determined transformation to the stored path vector").
func path(r *sip.Request) ([]string, error) {
	if !r.Has("Path") {
		return implied(r), nil
	}
	path := r.Routes("Path")
	if len(path) == 0 {
		return implied(r), nil
	}
	if !r.Identity.Trusted && !slices.ContainsFunc(r.List("Supported"), isPath) {
		return nil, sip.Errorf(sip.StatusBadExtension, "").With("Unsupported", "path")
	}
	for i, element := range path {
		a, err := sip.ParseAddress(element)
		if err != nil || a.Star || a.URI.Scheme != "sip" && a.URI.Scheme != "sips" {
			return nil, sip.Errorf(sip.StatusBadRequest, "Malformed Path")
		}
		path[i] = strings.Clone(element)
	}
	return path, nil
}

func isPath(tag string) bool { return strings.EqualFold(tag, "path") }

func implied(r *sip.Request) []string {
	if !r.Flow.Proto.Reliable() || !r.Forwarded() {
		return nil
	}
	hop := "<sip:" + r.Via().SentBy + ";transport=" + strings.ToLower(r.Flow.Proto.String()) + ";lr>"
	if _, err := sip.ParseAddress(hop); err != nil {
		return nil
	}
	return []string{hop}
}
