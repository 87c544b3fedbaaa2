package filter

import (
	"slices"
	"strconv"
	"strings"

	"presenced/pidf"
)

// path is an expression that selects elements or attributes (RFC 4661 s.5).
type path struct {
	steps   []step
	descend uint64 // bit i: step i may match at any depth
}

// step is one step of a path, down from an element.
type step struct {
	descend   bool // "//" stands before it
	any       bool // "*"
	attribute bool // "@": always the last
	name      pidf.Name
	where     []conjunction // any of them; none: no condition
}

// conjunction is comparisons that all must hold.
type conjunction []comparison

// comparison holds if it holds for one of the nodes that it names (XPath 1.0
// s.3.4).
type comparison struct {
	parent   bool   // "..": the steps are empty
	steps    []step // down from the context; empty for "." and ".."
	operator byte   // '=', '<' or '>'
	value    string // white space collapsed
	numeric  bool   // the number is compared, not the value
	number   float64
}

// names tells whether a step is for a name.
func (s *step) names(name pidf.Name) bool { return s.any || s.name == name }

// namespaces adds what the steps mention.
func namespaces(all []string, steps []step) []string {
	for _, s := range steps {
		if s.name.Namespace != "" {
			all = append(all, s.name.Namespace)
		}
		for _, every := range s.where {
			for _, c := range every {
				all = namespaces(all, c.steps)
			}
		}
	}
	return all
}

// prefixes are the canonical prefixes of sorted namespaces: n0, n1 and so on.
type prefixes []string

func (p prefixes) of(namespace string) string {
	i, _ := slices.BinarySearch(p, namespace)
	return "n" + strconv.Itoa(i)
}

// appendSteps writes steps in canonical form: no spaces, conditions sorted.
// The first step of a path begins with "/", that of a comparison does not.
func (p prefixes) appendSteps(dst []byte, steps []step, separator string) []byte {
	for _, s := range steps {
		dst = append(dst, separator...)
		if separator = "/"; s.descend {
			dst = append(dst, '/')
		}
		if s.attribute {
			dst = append(dst, '@')
		}
		switch {
		case s.any:
			dst = append(dst, '*')
		case s.name.Namespace != "":
			dst = append(dst, p.of(s.name.Namespace)+":"+s.name.Local...)
		default:
			dst = append(dst, s.name.Local...)
		}
		if len(s.where) > 0 {
			dst = append(dst, '[')
			dst = append(dst, p.condition(s.where)...)
			dst = append(dst, ']')
		}
	}
	return dst
}

func (p prefixes) condition(where []conjunction) string {
	var alternatives []string
	for _, every := range where {
		var all []string
		for _, c := range every {
			all = append(all, p.comparison(c))
		}
		alternatives = append(alternatives, sortedJoin(all, " and "))
	}
	return sortedJoin(alternatives, " or ")
}

func sortedJoin(all []string, separator string) string {
	slices.Sort(all)
	return strings.Join(slices.Compact(all), separator)
}

func (p prefixes) comparison(c comparison) string {
	var dst []byte
	switch {
	case c.parent:
		dst = append(dst, ".."...)
	case len(c.steps) == 0:
		dst = append(dst, '.')
	default:
		dst = p.appendSteps(dst, c.steps, "")
	}
	dst = append(dst, c.operator)
	if c.numeric {
		return string(strconv.AppendFloat(dst, c.number, 'f', -1, 64))
	}
	quote := `"`
	if strings.Contains(c.value, quote) {
		quote = "'"
	}
	return string(dst) + quote + c.value + quote
}
