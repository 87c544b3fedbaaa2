package event

import (
	"strconv"
	"strings"
)

// Negotiate picks the body type of a NOTIFY among those that the Accept
// elements allow, by their q values (RFC 3261 s.20.1, RFC 3856 s.6.7). No Accept
// at all means offered[0], the package's default. Another one is taken only if
// it is named, not for a range's sake; who names it as well as the default asks
// for it by that (RFC 5263 s.4.2). "" means that nothing fits: 406.
func Negotiate(accept []string, offered ...string) string {
	if len(accept) == 0 {
		return offered[0]
	}
	best := ""
	bestQ, _ := quality(accept, offered[0])
	if bestQ > 0 {
		best = offered[0]
	}
	for _, o := range offered[1:] {
		if q, named := quality(accept, o); named && q > 0 && (q >= bestQ || best == "") {
			best, bestQ = o, q
		}
	}
	return best
}

// quality is the q value of the most specific range that matches, and whether
// that is the type itself.
func quality(accept []string, mediaType string) (q float64, named bool) {
	specific := -1
	for _, element := range accept {
		r, params, _ := strings.Cut(element, ";")
		s := matches(strings.ToLower(strings.TrimSpace(r)), mediaType)
		if s > specific {
			q, specific = parseQ(params), s
		}
	}
	return q, specific == 2
}

// matches says how specific a media range's match is: 2 exact, 1 type/*, 0
// */*, -1 none.
func matches(mediaRange, mediaType string) int {
	main, _, _ := strings.Cut(mediaType, "/")
	switch mediaRange {
	case mediaType:
		return 2
	case main + "/*":
		return 1
	case "*/*":
		return 0
	}
	return -1
}

func parseQ(params string) float64 {
	for p := range strings.SplitSeq(params, ";") {
		k, v, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(k), "q") {
			if q, err := strconv.ParseFloat(strings.TrimSpace(v), 64); err == nil {
				return q
			}
		}
	}
	return 1
}
