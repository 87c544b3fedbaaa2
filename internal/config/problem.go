package config

import (
	"fmt"
	"strings"
)

// Error is one fault of a configuration. Parse and Load return all they find, joined.
type Error struct {
	File    string // As given to Parse or Load.
	Line    int    // Counted from 1; 0 where the fault is that something is absent.
	Message string // Names the key. Never holds a secret.
}

func (e *Error) Error() string { return locate(e.File, e.Line, e.Message) }

// Warning is something that is allowed but likely to surprise.
type Warning struct {
	File    string // As given to Parse or Load; empty without a file.
	Line    int    // Counted from 1; 0 where it is a default that surprises.
	Message string // Never holds a secret.
}

func (w Warning) String() string { return locate(w.File, w.Line, w.Message) }

func locate(file string, line int, message string) string {
	switch {
	case file == "":
		return message
	case line == 0:
		return file + ": " + message
	}
	return fmt.Sprintf("%s:%d: %s", file, line, message)
}

// label writes a key's path as a person finds it in the file: "listen.udp[0]" is "[listen] udp[0]".
func label(path string) string {
	if rest, ok := strings.CutPrefix(path, "principal["); ok {
		_, key, _ := strings.Cut(rest, "].")
		return strings.TrimSpace("[[principal]] " + key)
	}
	list, rest := path, ""
	if i := strings.IndexByte(path, '['); i >= 0 {
		list, rest = path[:i], path[i:]
	}
	section, key, ok := cutLast(list)
	if !ok {
		return path
	}
	return "[" + section + "] " + key + rest
}

// cutLast splits a path into its section and its key. The key alone is a top-level one.
func cutLast(path string) (section, key string, ok bool) {
	i := strings.LastIndexByte(path, '.')
	if strings.HasSuffix(path, `"`) {
		i = strings.LastIndex(path, `."`)
	}
	if i < 0 {
		return "", path, false
	}
	return path[:i], path[i+1:], true
}
