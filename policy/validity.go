package policy

import (
	"regexp"
	"strings"
	"time"
)

// period is a pair of <from> and <until> (RFC 4745 s.7.4).
type period struct{ from, until time.Time }

// contains is true from from on, and no more at until.
func (p period) contains(now time.Time) bool { return !now.Before(p.from) && now.Before(p.until) }

// readValidity reads one pair or more.
func readValidity(e element) ([]period, error) {
	if err := e.structure(); err != nil {
		return nil, err
	}
	children := e.children()
	if len(children) == 0 || len(children)%2 != 0 {
		return nil, e.fail("needs from and until in pairs")
	}
	// A time without a zone is compared as XML Schema 1.0 part 2 s.3.2.7.4
	// does: it may be meant in any zone, so a period is entered in the last
	// zone and left in the first.
	const first, last = 14 * 3600, -14 * 3600
	var periods []period
	for i := 0; i < len(children); i += 2 {
		from, err := readTime(children[i], "from", last)
		if err != nil {
			return nil, err
		}
		until, err := readTime(children[i+1], "until", first)
		if err != nil {
			return nil, err
		}
		periods = append(periods, period{from, until})
	}
	return periods, nil
}

// readTime reads an xs:dateTime of the years 1 to 9999. zone is the offset to
// UTC in seconds of a time without a zone.
func readTime(e element, local string, zone int) (time.Time, error) {
	if e.Name() != common(local) {
		return time.Time{}, e.fail("is not %s, which is due here in validity", local)
	}
	text, err := e.value()
	if err != nil {
		return time.Time{}, err
	}
	at, ok := parseTime(strings.Trim(text, spaces), zone)
	if !ok {
		return time.Time{}, e.fail("%.40q is no xs:dateTime", text)
	}
	return at, nil
}

// dateTime is the form of XML Schema 1.0 part 2 s.3.2.7.1, for years of four
// digits: date, hour, the rest of the time, zone.
var dateTime = regexp.MustCompile(`^([0-9]{4}-[0-9]{2}-[0-9]{2}T)([0-9]{2})(:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?)` +
	`(Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)?$`)

func parseTime(s string, zone int) (time.Time, bool) {
	m := dateTime.FindStringSubmatch(s)
	if m == nil {
		return time.Time{}, false
	}
	days := 0
	if m[2] == "24" { // the end of the day, allowed for midnight only
		if strings.Trim(m[3], ":.0") != "" {
			return time.Time{}, false
		}
		m[2], days = "00", 1
	}
	layout := "2006-01-02T15:04:05"
	if m[4] != "" {
		layout = time.RFC3339
	}
	at, err := time.ParseInLocation(layout, m[1]+m[2]+m[3]+m[4], time.FixedZone("", zone))
	return at.AddDate(0, 0, days), err == nil && at.Year() > 0
}
