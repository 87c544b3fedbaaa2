// Command rfcindex keeps README's table of RFCs true. It reads the citations
// in the code ("RFC 3903 s.6"), fails on one whose section the RFC's text does
// not have, and writes the table from scripts/rfcindex/rfcs.tsv: what is done
// of each RFC, what is missing, and which packages cite it.
//
//	go run ./scripts/rfcindex          write the table into README.md
//	go run ./scripts/rfcindex --check  fail where it is not as it would be written
//
// The texts are taken from PRESENCED_RFC_DATA; without it sections are not
// checked.
package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func main() { os.Exit(run(slices.Contains(os.Args[1:], "--check"))) }

const (
	begin = "<!-- rfcindex: begin -->\n"
	end   = "<!-- rfcindex: end -->\n"
)

func run(check bool) int {
	cited, err := citations(".")
	if err == nil {
		err = verify(cited, os.Getenv("PRESENCED_RFC_DATA"))
	}
	var table string
	if err == nil {
		table, err = render("scripts/rfcindex/rfcs.tsv", cited)
	}
	if err == nil {
		err = replace("README.md", table, check)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "rfcindex:", err)
		return 1
	}
	return 0
}

// place is where an RFC is cited.
type place struct{ file, section string }

// citation matches "RFC 3903 s.6" and the "s.7" of "RFC 3903 s.6 and s.7".
var (
	citation = regexp.MustCompile(`RFC (\d{4})((?:,? (?:and |or |with )?s\.[0-9A-Z]+(?:\.[0-9]+)*)*)`)
	section  = regexp.MustCompile(`s\.([0-9A-Z]+(?:\.[0-9]+)*)`)
)

// citations collects what the Go files below root cite, by RFC.
func citations(root string) (map[int][]place, error) {
	cited := map[int][]place{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasPrefix(path, "scripts/rfcindex/") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		joined := comment.ReplaceAllString(string(text), " ") // a citation may run over a line's end
		for _, m := range citation.FindAllStringSubmatch(joined, -1) {
			rfc, err := strconv.Atoi(m[1])
			if err != nil {
				return err
			}
			cited[rfc] = append(cited[rfc], place{file: path})
			for _, s := range section.FindAllStringSubmatch(m[2], -1) {
				cited[rfc] = append(cited[rfc], place{path, s[1]})
			}
		}
		return nil
	})
	return cited, err
}

var comment = regexp.MustCompile(`\n\s*// ?`)

// verify fails on a section that an RFC does not have.
func verify(cited map[int][]place, data string) error {
	if data == "" {
		return nil
	}
	var bad []string
	for rfc, places := range cited {
		text, err := os.ReadFile(filepath.Join(data, "rfc", fmt.Sprintf("rfc%d.txt", rfc)))
		if os.IsNotExist(err) {
			continue // not one that the project reads
		} else if err != nil {
			return err
		}
		for _, p := range places {
			if p.section != "" && !has(text, p.section) {
				bad = append(bad, fmt.Sprintf("%s cites RFC %d s.%s, which there is not", p.file, rfc, p.section))
			}
		}
	}
	if len(bad) > 0 {
		slices.Sort(bad)
		return fmt.Errorf("%s", strings.Join(slices.Compact(bad), "\n"))
	}
	return nil
}

// has looks for the section's heading.
func has(text []byte, number string) bool {
	heading := regexp.MustCompile(`(?m)^\s*(?:Appendix )?` + regexp.QuoteMeta(number) + `[.:]?\s+\S`)
	return heading.Match(text)
}

// render makes the table: the rows of the file, each with the packages that
// cite the RFC. An RFC that is cited and has no row is an error, and so is a
// row that claims something and is cited nowhere.
func render(rows string, cited map[int][]place) (string, error) {
	text, err := os.ReadFile(rows)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("| RFC | title | done | what is missing, and why | cited in |\n|---|---|---|---|---|\n")
	missing := maps.Clone(cited)
	for line := range strings.Lines(string(text)) {
		column := strings.Split(strings.TrimRight(line, "\n"), "\t")
		rfc, err := strconv.Atoi(column[0])
		if err != nil || len(column) != 4 {
			return "", fmt.Errorf("%s: not RFC, title, done, missing: %q", rows, line)
		}
		in := packages(cited[rfc])
		if in == "" && column[2] != "no" {
			return "", fmt.Errorf("RFC %d is said to be done (%s) and is cited nowhere", rfc, column[2])
		}
		delete(missing, rfc)
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", column[0], column[1], column[2], column[3], in)
	}
	if len(missing) > 0 {
		return "", fmt.Errorf("cited, but without a row in %s: %v", rows, slices.Sorted(maps.Keys(missing)))
	}
	return b.String(), nil
}

func packages(places []place) string {
	names := map[string]bool{}
	for _, p := range places {
		if !strings.HasSuffix(p.file, "_test.go") {
			names[filepath.Dir(p.file)] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(names)), ", ")
}

// replace puts the table between README's marks.
func replace(readme, table string, check bool) error {
	old, err := os.ReadFile(readme)
	if err != nil {
		return err
	}
	head, rest, ok := bytes.Cut(old, []byte(begin))
	_, tail, ok2 := bytes.Cut(rest, []byte(end))
	if !ok || !ok2 {
		return fmt.Errorf("%s has no marks for the table", readme)
	}
	next := slices.Concat(head, []byte(begin), []byte(table), []byte(end), tail)
	if bytes.Equal(old, next) {
		return nil
	}
	if check {
		return fmt.Errorf("%s: the table of RFCs is not up to date: go run ./scripts/rfcindex", readme)
	}
	return os.WriteFile(readme, next, 0o644)
}
