package config

import "time"

// longestExpires is what fits into delta-seconds (RFC 3261 s.20.19).
const longestExpires = (1<<32 - 1) * time.Second

// interval reads the table { min, max, default }.
func (r *reader) interval(key string, to *Interval) {
	for _, part := range []struct {
		key string
		to  *time.Duration
	}{{key + ".min", &to.Min}, {key + ".max", &to.Max}, {key + ".default", &to.Default}} {
		if !r.duration(part.key, part.to) {
			continue
		}
		switch d := *part.to; {
		case d < time.Second || d%time.Second != 0:
			r.fail(part.key, "%s is not one or more whole seconds, as Expires has it", d)
		case d > longestExpires:
			r.fail(part.key, "%s is more than Expires can say", d)
		}
	}
}

// checkIntervals holds the bounds against each other, and the minimum against the RFCs.
func (r *reader) checkIntervals(e Expires) {
	for _, i := range []struct {
		key string
		Interval
		forbids string // the RFC that forbids to refuse an hour or more
	}{
		{"expires.register", e.Register, "RFC 3261 s.10.3"},
		{"expires.publish", e.Publish, ""}, // RFC 3903 s.6, step 4: any minimum
		{"expires.subscribe", e.Subscribe, "RFC 6665 s.4.2.1.1"},
	} {
		switch {
		case i.forbids != "" && i.Min >= time.Hour:
			r.fail(i.key+".min", "%s is an hour or more, and %s forbids to refuse an hour", i.Min, i.forbids)
		case i.Min > i.Default:
			r.fail(r.firstSet(i.key+".min", i.key+".default"), "min %s is more than default %s", i.Min, i.Default)
		case i.Default > i.Max:
			r.fail(r.firstSet(i.key+".max", i.key+".default"), "default %s is more than max %s", i.Default, i.Max)
		}
	}
}

// firstSet returns the first of keys that the file sets, else the first.
func (r *reader) firstSet(keys ...string) string {
	for _, k := range keys {
		if r.has(k) {
			return k
		}
	}
	return keys[0]
}
