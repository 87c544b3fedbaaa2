package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

var arrayIndex = regexp.MustCompile(`\[\d+\]`)

// unknownKeys reports each key of the file that nobody asked for, with the nearest that somebody did.
// Inside an unknown section only the section is reported, inside a refused value nothing.
func (r *reader) unknownKeys() {
	for _, path := range r.at.order {
		general := arrayIndex.ReplaceAllString(path, "")
		if r.known[general] || r.isSection(general) || r.parentRefused(path) {
			continue
		}
		r.refused[path] = true
		section, key, _ := cutLast(general)
		isTable := r.at.isTable[path]
		message := "unknown key " + quote(key) + inSection(section)
		if isTable {
			message = "unknown section [" + general + "]"
		}
		if hint := r.nearest(general, isTable); hint != "" {
			message += "; " + hint
		}
		r.fault(r.at.line[path], message)
	}
}

func (r *reader) isSection(path string) bool {
	for k := range r.known {
		if strings.HasPrefix(k, path+".") {
			return true
		}
	}
	return false
}

func (r *reader) parentRefused(path string) bool {
	for i := range path {
		if (path[i] == '.' || path[i] == '[') && r.refused[path[:i]] {
			return true
		}
	}
	return r.refused[path]
}

func quote(key string) string { return `"` + strings.Trim(key, `"`) + `"` }

func inSection(section string) string {
	switch section {
	case "":
		return " at the top"
	case "principal":
		return " in [[principal]]"
	}
	return " in [" + section + "]"
}

// nearest suggests what an unknown path was meant to be; empty if nothing is near.
func (r *reader) nearest(path string, isTable bool) string {
	if isTable {
		if section := closest(path, r.sections()); section != "" {
			return "did you mean [" + section + "]?"
		}
		return "there are " + strings.Join(r.sections(), ", ")
	}
	section, key, _ := cutLast(path)
	var here []string
	var elsewhere []string
	for _, k := range slices.Sorted(maps.Keys(r.known)) {
		s, name, _ := cutLast(k)
		if s == section {
			here = append(here, name)
		} else if name == key {
			elsewhere = append(elsewhere, s)
		}
	}
	if name := closest(key, here); name != "" {
		return "did you mean " + quote(name) + inSection(section) + "?"
	}
	if len(elsewhere) > 0 {
		return "did you mean " + quote(key) + inSection(closestOf(section, elsewhere)) + "?"
	}
	if full := closest(path, r.paths()); section == "" && full != "" {
		section, name, _ := cutLast(full)
		return "did you mean " + quote(name) + inSection(section) + "?"
	}
	if len(here) == 0 {
		return ""
	}
	return "there are " + strings.Join(here, ", ")
}

func (r *reader) paths() []string { return slices.Sorted(maps.Keys(r.known)) }

// sections are the tables that hold known keys and are no values themselves.
func (r *reader) sections() []string {
	var out []string
	for _, path := range r.paths() {
		section, _, ok := cutLast(path)
		if ok && !r.known[section] && !slices.Contains(out, section) {
			out = append(out, section)
		}
	}
	return out
}

// closest returns the candidate nearest to word by edit distance, if a slip of the hand could explain it.
func closest(word string, candidates []string) string {
	best := closestOf(word, candidates)
	if best == "" || distance(word, best) > max(1, (len(best)+1)/3) {
		return ""
	}
	return best
}

func closestOf(word string, candidates []string) string {
	best, least := "", 0
	for _, c := range candidates {
		if d := distance(word, c); best == "" || d < least {
			best, least = c, d
		}
	}
	return best
}

// longestWord is more bytes than any key has; what is longer is near to none.
const longestWord = 80

// distance counts the insertions, deletions and substitutions of bytes that lead from a to b.
func distance(a, b string) int {
	if len(a) > longestWord {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitute, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
