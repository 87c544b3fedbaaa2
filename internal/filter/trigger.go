package filter

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"presenced/pidf"
)

// trigger is criteria that all must be met (RFC 4661 s.3.6).
type trigger []criterion

// criterionKind orders the criteria as the schema does.
type criterionKind uint8

const (
	changed   criterionKind = iota + 1 // RFC 4661 s.3.6.1
	added                              // s.3.6.2
	removed                            // s.3.6.3
	extension                          // of another namespace: ignored
)

var (
	criterionNames   = map[criterionKind]string{changed: "changed", added: "added", removed: "removed"}
	criterionMarks   = map[criterionKind]string{changed: "=", added: "<", removed: ">"}
	changeAttributes = [...]string{"from", "to", "by"}

	basicName = pidf.Name{Namespace: pidf.Namespace, Local: "basic"}
)

// criterion is one of them, with the attributes of changed.
type criterion struct {
	kind criterionKind
	path
	from, to, by bound
}

// bound is a value that may be given, its white space collapsed.
type bound struct {
	given bool
	value string
}

func (b *bound) set(value string) { *b = bound{true, value} }

func (c *criterion) values() [3]*bound { return [...]*bound{&c.from, &c.to, &c.by} }

// check refuses what by cannot be compared with (RFC 4661 s.3.6.1.4).
func (c *criterion) check() error {
	if !c.by.given {
		return nil
	}
	for i, b := range c.values() {
		if b.given && !isDecimal(b.value) {
			return fmt.Errorf("%s %.60q is not a decimal, which by wants", changeAttributes[i], b.value)
		}
	}
	if strings.HasPrefix(c.by.value, "-") {
		return fmt.Errorf("by is negative")
	}
	return nil
}

// met tells whether a value has changed as it must. Both values are collapsed
// and differ.
func (c *criterion) met(name pidf.Name, was, is string) bool {
	if !c.by.given {
		return (!c.from.given || same(name, was, c.from.value)) && (!c.to.given || same(name, is, c.to.value))
	}
	before, numeric := rational(was)
	after, too := rational(is)
	if !numeric || !too {
		return false
	}
	by, _ := rational(c.by.value)
	for _, end := range [...]struct {
		want  bound
		value *big.Rat
	}{{c.from, before}, {c.to, after}} {
		if want, _ := rational(end.want.value); end.want.given && want.Cmp(end.value) != 0 {
			return false
		}
	}
	delta := new(big.Rat).Sub(after, before)
	return delta.Sign() != 0 && delta.Abs(delta).Cmp(by) >= 0
}

// same compares a value with one in a filter. COMPAT: PIDF's basic status has
// no capitals, but the example in RFC 4661 s.6.2 waits for CLOSED to be OPEN.
func same(name pidf.Name, value, want string) bool {
	return value == want || name == basicName && strings.EqualFold(value, want)
}

func rational(s string) (*big.Rat, bool) {
	if !isDecimal(s) {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

// triggers writes triggers in canonical form. Behind a path, a tab and a letter
// begin each attribute of changed.
func (p prefixes) triggers(all []trigger) []string {
	var texts []string
	for _, t := range all {
		var lines []string
		for _, c := range t {
			line := criterionMarks[c.kind] + string(p.appendSteps(nil, c.steps, "/"))
			for i, b := range c.values() {
				if b.given {
					line += "\t" + changeAttributes[i][:1] + b.value
				}
			}
			lines = append(lines, line)
		}
		texts = append(texts, "!\n"+sortedJoin(lines, "\n"))
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}

// compileCriterion reads what triggers writes.
func (f *Filter) compileCriterion(line string, bindings map[string]string) error {
	if len(f.triggers) == 0 {
		return fmt.Errorf("criterion without a trigger")
	}
	var c criterion
	for kind, mark := range criterionMarks {
		if line[:1] == mark {
			c.kind = kind
		}
	}
	if c.kind == 0 {
		return fmt.Errorf("unknown item")
	}
	text, attributes, _ := strings.Cut(line[1:], "\t")
	for attributes != "" {
		var attribute string
		attribute, attributes, _ = strings.Cut(attributes, "\t")
		i := slices.IndexFunc(changeAttributes[:], func(name string) bool { return strings.HasPrefix(attribute, name[:1]) })
		if i < 0 || c.kind != changed {
			return fmt.Errorf("unknown attribute")
		}
		c.values()[i].set(attribute[1:])
	}
	p := parser{text: text, bindings: bindings}
	var err error
	if c.path, err = p.reference(); err != nil {
		return err
	}
	last := &f.triggers[len(f.triggers)-1]
	*last = append(*last, c)
	return c.check()
}
