package config

import (
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"time"
)

// wrongKind reports a value of the wrong kind. It never shows the value, which may be a secret.
func (r *reader) wrongKind(key, want string, got any) {
	r.fail(key, "takes %s, not %s", want, kind(got))
}

func kind(v any) string {
	switch v.(type) {
	case string:
		return "a string"
	case bool:
		return "a boolean"
	case int64:
		return "a whole number"
	case float64:
		return "a fraction"
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	}
	return "a date or time"
}

func text[T ~string](r *reader, key string, to *T) bool {
	v, ok := r.lookup(key)
	if !ok {
		return false
	}
	s, ok := v.(string)
	if !ok {
		r.wrongKind(key, "a string", v)
		return false
	}
	*to = T(s)
	return true
}

// enum reads a string that must be one of choices.
func enum[T ~string](r *reader, key string, to *T, choices ...T) {
	var s T
	if !text(r, key, &s) {
		return
	}
	if !slices.Contains(choices, s) {
		r.fail(key, "%q is not one of %s", s, quoted(choices))
		return
	}
	*to = s
}

// list reads a list of one or more different choices.
func list[T ~string](r *reader, key string, to *[]T, choices ...T) {
	words, ok := r.strings(key)
	if !ok {
		return
	}
	out := make([]T, 0, len(words))
	for i, w := range words {
		element := fmt.Sprintf("%s[%d]", key, i)
		switch {
		case !slices.Contains(choices, T(w)):
			r.fail(element, "%q is not one of %s", w, quoted(choices))
		case slices.Contains(out, T(w)):
			r.fail(element, "%q stands there twice", w)
		}
		out = append(out, T(w))
	}
	if len(out) == 0 {
		r.fail(key, "is empty; name at least one of %s", quoted(choices))
	}
	*to = out
}

func quoted[T ~string](choices []T) string {
	words := make([]string, len(choices))
	for i, c := range choices {
		words[i] = fmt.Sprintf("%q", c)
	}
	return strings.Join(words, ", ")
}

// strings reads a list of strings.
func (r *reader) strings(key string) ([]string, bool) {
	v, ok := r.lookup(key)
	if !ok {
		return nil, false
	}
	values, ok := v.([]any)
	if !ok {
		r.wrongKind(key, "a list of strings", v)
		return nil, false
	}
	words := make([]string, 0, len(values))
	for i, v := range values {
		s, ok := v.(string)
		if !ok {
			r.wrongKind(fmt.Sprintf("%s[%d]", key, i), "a string", v)
			return nil, false
		}
		words = append(words, s)
	}
	return words, true
}

func (r *reader) boolean(key string, to *bool) {
	v, ok := r.lookup(key)
	if !ok {
		return
	}
	b, ok := v.(bool)
	if !ok {
		r.wrongKind(key, "true or false", v)
		return
	}
	*to = b
}

// count reads a whole number that is not less than least.
func (r *reader) count(key string, to *int, least int64) {
	v, ok := r.lookup(key)
	if !ok {
		return
	}
	n, ok := v.(int64)
	switch {
	case !ok:
		r.wrongKind(key, "a whole number", v)
	case n < least || n > math.MaxInt32:
		r.fail(key, "%d is not between %d and %d", n, least, math.MaxInt32)
	default:
		*to = int(n)
	}
}

// duration reads "5s", or a whole number of seconds.
func (r *reader) duration(key string, to *time.Duration) bool {
	v, ok := r.lookup(key)
	if !ok {
		return false
	}
	var d time.Duration
	switch v := v.(type) {
	case int64:
		if v < 0 || v > math.MaxUint32 {
			r.fail(key, "%d seconds are not between 0 and %d", v, uint32(math.MaxUint32))
			return false
		}
		d = time.Duration(v) * time.Second
	case string:
		var err error
		if d, err = time.ParseDuration(v); err != nil {
			r.fail(key, "%q is not a duration such as \"5s\", \"30m\" or \"1h\"", v)
			return false
		}
	default:
		r.wrongKind(key, `a duration such as "5s"`, v)
		return false
	}
	if d < 0 {
		r.fail(key, "%s is negative", d)
		return false
	}
	*to = d
	return true
}

// timeout reads a duration that cannot be switched off.
func (r *reader) timeout(key string, to *time.Duration) {
	if r.duration(key, to) && *to < time.Second {
		r.fail(key, "%s is less than a second; slow peers exist", *to)
	}
}

func (r *reader) level(key string, to *slog.Level) {
	names := []string{"debug", "info", "warn", "error"}
	name := ""
	enum(r, key, &name, names...)
	if i := slices.Index(names, name); i >= 0 {
		*to = slog.LevelDebug + slog.Level(4*i)
	}
}

// agentName reads a name that may stand in a key of Redis and in a log line.
func (r *reader) agentName(key string, to *string) {
	if !text(r, key, to) {
		return
	}
	if len(*to) > 64 || strings.IndexFunc(*to, func(c rune) bool { return !isNameRune(c) }) >= 0 {
		r.fail(key, "%q is not at most 64 letters, digits, dots, hyphens and underscores", *to)
	}
}

func isNameRune(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune(".-_", c)
}
