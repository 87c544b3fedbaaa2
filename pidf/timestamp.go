package pidf

import (
	"strings"
	"time"
)

// normalTimestamp returns a timestamp in the form of RFC 3863 s.4.1.7: RFC 3339
// with capital T and Z. It returns "" for what is no date and time, which is
// then left out of the document.
func normalTimestamp(s string) string {
	s = strings.TrimSpace(s)
	if strings.IndexByte(s, 't') >= 0 || strings.IndexByte(s, 'z') >= 0 {
		s = strings.ToUpper(s) // COMPAT: RFC 3339 s.5.6 allows either case
	}
	const form = "0000-00-00T00:00:00"
	if len(s) < len(form) || !hasForm(s[:len(form)], form) || !isDate(s) || !isTime(s[11:19]) {
		return ""
	}
	if !isZone(withoutFraction(s[len(form):])) {
		return ""
	}
	return s
}

// hasForm compares a string with a pattern in which 0 stands for any digit.
func hasForm(s, form string) bool {
	if len(s) != len(form) {
		return false
	}
	for i := range len(s) {
		if form[i] == '0' && (s[i] < '0' || s[i] > '9') || form[i] != '0' && s[i] != form[i] {
			return false
		}
	}
	return true
}

// number2 reads the two digits at the start of s.
func number2(s string) int { return int(s[0]-'0')*10 + int(s[1]-'0') }

func isDate(s string) bool {
	year, month, day := number2(s)*100+number2(s[2:]), number2(s[5:]), number2(s[8:])
	if year == 0 || month < 1 || month > 12 || day < 1 {
		return false
	}
	days := [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[month-1]
	if month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		days = 29
	}
	return day <= days
}

// isTime refuses the leap second, which xs:dateTime does not have.
func isTime(s string) bool { return number2(s) < 24 && number2(s[3:]) < 60 && number2(s[6:]) < 60 }

func withoutFraction(s string) string {
	if s == "" || s[0] != '.' {
		return s
	}
	rest := strings.TrimLeft(s[1:], "0123456789")
	if len(rest) == len(s)-1 || len(s)-len(rest) > 10 {
		return "?"
	}
	return rest
}

// isZone accepts no zone too: xs:dateTime does, and clients leave it out.
func isZone(s string) bool {
	if s == "" || s == "Z" {
		return true
	}
	if !hasForm(s, "+00:00") && !hasForm(s, "-00:00") {
		return false
	}
	hours, minutes := number2(s[1:]), number2(s[4:])
	return minutes < 60 && (hours < 14 || hours == 14 && minutes == 0)
}

// parseTimestamp takes a time without a zone for UTC. It is zero for what is no
// date and time.
func parseTimestamp(s string) time.Time {
	s = normalTimestamp(s)
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if at, err := time.Parse(layout, s); err == nil {
			return at
		}
	}
	return time.Time{}
}

// formatTimestamp gives a time in UTC, "" where RFC 3339 has none for it.
func formatTimestamp(at time.Time) string {
	at = at.UTC()
	if at.IsZero() || at.Year() < 1 || at.Year() > 9999 {
		return ""
	}
	return at.Format(time.RFC3339Nano)
}

func appendTimestamp(dst []byte, name string, at time.Time) []byte {
	if text := formatTimestamp(at); text != "" {
		return appendElement(dst, name, text)
	}
	return dst
}
