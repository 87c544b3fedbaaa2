package siptest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Script is a transcript that was read: who takes part, and what happens.
type Script struct {
	Name   string   // of the file
	Title  string   // its first comment
	Config string   // lines of the node's configuration
	Rows   []string // what the transcript says it shows
	cast   []part
	steps  []step
}

// part is who takes part: "Watcher alice udp 10.0.0.2:5060".
type part struct {
	line                   int
	name, proto, addr, uri string
}

// step is one statement and its block.
type step struct {
	line  int
	words string
	block []string
}

// ReadScript reads a transcript. An address 10.0.0.x becomes prefix + x.
func ReadScript(name, text, prefix string) (*Script, error) {
	s := &Script{Name: name}
	text = strings.ReplaceAll(text, "10.0.0.", prefix)
	var errs []error
	for _, st := range statements(text) {
		if err := s.add(st); err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %w", name, st.line, err))
		}
	}
	if s.Title = title(text); s.Title == "" {
		errs = append(errs, fmt.Errorf("%s: the first line says in a comment what is shown", name))
	}
	return s, errors.Join(errs...)
}

func title(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	if !strings.HasPrefix(first, "#") {
		return ""
	}
	return strings.TrimSpace(strings.TrimLeft(first, "#"))
}

// statements are the unindented lines, each with the indented ones below it.
func statements(text string) (list []step) {
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, "\r")
		switch {
		case strings.HasPrefix(line, "    "), strings.HasPrefix(line, "\t"), strings.TrimSpace(line) == "":
			if len(list) > 0 {
				last := &list[len(list)-1]
				last.block = append(last.block, dedent(line))
			}
		case strings.HasPrefix(line, "#"):
		default:
			list = append(list, step{line: i + 1, words: strings.TrimSpace(line)})
		}
	}
	for i := range list {
		b := list[i].block
		for len(b) > 0 && b[len(b)-1] == "" {
			b = b[:len(b)-1]
		}
		list[i].block = b
	}
	return list
}

func dedent(line string) string {
	if rest, ok := strings.CutPrefix(line, "    "); ok {
		return rest
	}
	return strings.TrimPrefix(line, "\t")
}

// add sorts a statement in: those that hold for the whole are known by their
// first word, the others wait for the Player.
func (s *Script) add(st step) error {
	if !strings.HasSuffix(st.words, ":") && len(st.block) > 0 {
		return fmt.Errorf("a block needs a colon in the line above it")
	}
	st.words = strings.TrimSuffix(st.words, ":")
	words := strings.Fields(st.words)
	switch {
	case st.words == "config":
		s.Config = strings.Join(st.block, "\n")
	case words[0] == "row":
		s.Rows = append(s.Rows, strings.TrimSpace(strings.TrimPrefix(st.words, "row")))
	case words[0] == "after":
		if _, err := time.ParseDuration(strings.TrimPrefix(st.words, "after ")); err != nil {
			return err
		}
		s.steps = append(s.steps, st)
	case len(words) >= 4 && (words[2] == "udp" || words[2] == "tcp"):
		p := part{line: st.line, name: words[1], proto: words[2], addr: words[3], uri: "sip:" + words[1] + "@example.com"}
		if len(words) == 6 && words[4] == "is" {
			p.uri = words[5]
		} else if len(words) != 4 {
			return fmt.Errorf("want ROLE NAME udp|tcp ADDRESS [is URI]")
		}
		s.cast = append(s.cast, p)
	default:
		s.steps = append(s.steps, st)
	}
	return nil
}

// IPv6 says whether somebody is on IPv6.
func (s *Script) IPv6() bool {
	return slices.ContainsFunc(s.cast, func(p part) bool { return strings.HasPrefix(p.addr, "[") })
}

// Elapses is how much time passes while the transcript is played.
func (s *Script) Elapses() (total time.Duration) {
	for _, st := range s.steps {
		if text, ok := strings.CutPrefix(st.words, "after "); ok {
			d, err := time.ParseDuration(text)
			if err == nil { // ReadScript has checked it
				total += d
			}
		}
	}
	return total
}
