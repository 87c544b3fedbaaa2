package composition

import (
	"strings"
	"time"

	"presenced/pidf"
	"presenced/policy"
)

// sphereOf is the presentity's sphere, in lower case, "" where it is undefined:
// that of all publications (RFC 5025 s.3.1.2). What a device has published
// before it lost its entity-tag does not count: it is not shown either.
func sphereOf(now time.Time, sources []pidf.Source) string {
	var documents []*pidf.Document
	for i, s := range sources {
		// Few have one, and to look costs less than to ask who is replaced.
		if strings.Contains(s.Doc.Bytes(), "sphere") && !replaced(s, sources[i+1:]) {
			documents = append(documents, s.Doc)
		}
	}
	return strings.ToLower(policy.SphereOf(now, documents...))
}

// replaced says whether one of the newer sources leaves nothing of s.
func replaced(s pidf.Source, newer []pidf.Source) bool {
	for _, n := range newer {
		if pidf.Replaces(n, s) {
			return true
		}
	}
	return false
}
