package filter

import (
	"fmt"
	"slices"
	"strings"
)

// Filter is one filter element, compiled: what is delivered, and the triggers
// that cause it to be. It is never changed, and may be used by several
// goroutines. A nil Filter filters nothing.
type Filter struct {
	include, exclude []selection
	triggers         []trigger
	key              string
}

// selection is what an include or exclude element selects: by a path or, where
// that has no steps, by a namespace.
type selection struct {
	path
	namespace string
}

// Key names what [Filter.Apply] makes of documents: filters with equal keys
// make the same of any, whatever prefixes, spaces and order they were written
// with. It is "" for a filter that leaves documents as they are. Triggers are
// no part of it: they say when a document is sent, not what it has in it. It
// is XML text without a NUL, at most about the size of the filter-set.
func (f *Filter) Key() string {
	if f == nil {
		return ""
	}
	return f.key
}

// Of is the inverse of Key: a filter without triggers. It refuses what Key
// does not write. Filters are kept for the next document, one for all
// subscriptions with the same key.
func Of(key string) (*Filter, error) {
	if f := compiled.get(key); f != nil {
		return f, nil
	}
	f, err := compile(key)
	if err != nil || f.key != key || len(f.triggers) > 0 {
		return nil, fmt.Errorf("filter: %.40q is no key of a filter", key)
	}
	compiled.put(f)
	return f, nil
}

// text is a filter's canonical form, "" for one that does nothing. The first
// line has the namespaces, sorted and separated by blanks; prefixes n0, n1, ...
// stand for them. Then each line is an item: "+" and what is included, "-" and
// what is excluded, each a path or a prefix for its namespace; and "!" for each
// trigger, behind which its criteria stand.
func (f *Filter) text(triggers []trigger) string {
	var used []string
	for _, selections := range [][]selection{f.include, f.exclude} {
		for _, s := range selections {
			if used = namespaces(used, s.steps); len(s.steps) == 0 {
				used = append(used, s.namespace)
			}
		}
	}
	for _, t := range triggers {
		for _, c := range t {
			used = namespaces(used, c.steps)
		}
	}
	slices.Sort(used)
	p := prefixes(slices.Compact(used))
	var lines []string
	lines = append(lines, p.selections("+", f.include)...)
	lines = append(lines, p.selections("-", f.exclude)...)
	lines = append(lines, p.triggers(triggers)...)
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(p, " ") + "\n" + strings.Join(lines, "\n")
}

func (p prefixes) selections(sign string, all []selection) []string {
	var lines []string
	for _, s := range all {
		if len(s.steps) == 0 {
			lines = append(lines, sign+p.of(s.namespace))
		} else {
			lines = append(lines, sign+string(p.appendSteps(nil, s.steps, "/")))
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// compile reads a canonical text.
func compile(text string) (*Filter, error) {
	f := new(Filter)
	if text == "" {
		return f, nil
	}
	first, rest, _ := strings.Cut(text, "\n")
	bindings := make(map[string]string)
	var known prefixes
	if first != "" {
		known = strings.Split(first, " ")
	}
	for _, namespace := range known {
		bindings[known.of(namespace)] = namespace
	}
	for line := range strings.SplitSeq(rest, "\n") {
		if err := f.compileLine(line, bindings); err != nil {
			return nil, err
		}
	}
	f.key = f.text(nil)
	return f, nil
}

func (f *Filter) compileLine(line string, bindings map[string]string) error {
	if line == "" {
		return fmt.Errorf("empty line")
	}
	item := line[1:]
	list := &f.exclude
	switch line[0] {
	case '!':
		f.triggers = append(f.triggers, nil)
		return nil
	case '+':
		list = &f.include
	case '-':
	default:
		return f.compileCriterion(line, bindings)
	}
	if namespace, bound := bindings[item]; bound {
		*list = append(*list, selection{namespace: namespace})
		return nil
	}
	p := parser{text: item, bindings: bindings}
	selected, err := p.selection()
	*list = append(*list, selection{path: selected})
	return err
}

// Waits tells whether the filter has triggers. A nil Filter has none.
func (f *Filter) Waits() bool { return f != nil && len(f.triggers) > 0 }
