package policy

import (
	"strings"
	"time"

	"presenced/pidf"
)

// SphereOf returns the presentity's sphere for rules: what all published
// documents that have one in a person agree on, "" where none has or they do
// not agree (RFC 5025 s.3.1.2). It is the name of the element in <sphere>, or
// its text (RFC 4480 s.3.11 defines elements, and examples have text); case
// does not count. One that does not hold now, by its from and until, is none;
// with the zero time all do.
func SphereOf(now time.Time, documents ...*pidf.Document) string {
	sphere := ""
	for _, d := range documents {
		for e := range d.Root().Children() {
			if componentOf(e.Name()) != person {
				continue
			}
			for child := range e.Children() {
				if child.Name() != sphereName || !child.Holds(now) {
					continue
				}
				value := sphereIn(child)
				if sphere != "" && !strings.EqualFold(sphere, value) {
					return ""
				}
				sphere = value
			}
		}
	}
	return sphere
}

var sphereName = pidf.Name{Namespace: pidf.NamespaceRPID, Local: "sphere"}

// sphereIn returns a sphere's value. One that says nothing is unknown, which
// RFC 4480 has a name for.
func sphereIn(e pidf.Element) string {
	for child := range e.Children() {
		return child.Name().Local
	}
	if text := token(e.Text()); text != "" {
		return text
	}
	return "unknown"
}
