package xcap

import (
	"net/http"
	"slices"
	"strings"

	"presenced/sip"
)

// condition is what If-Match and If-None-Match ask (RFC 9110 s.13.1). The entity-tags of documents are strong.
type condition struct{ match, noneMatch tags }

// tags are the entity-tags of one field.
type tags struct {
	present bool     // the field is there
	any     bool     // "*"
	list    []string // opaque-tags without quotes; weak ones have W/ in front
}

func parseCondition(h http.Header) (condition, error) {
	match, err := parseTags(h.Values("If-Match"))
	if err != nil {
		return condition{}, err
	}
	noneMatch, err := parseTags(h.Values("If-None-Match"))
	return condition{match, noneMatch}, err
}

var errTag = refuse(http.StatusBadRequest, `malformed If-Match or If-None-Match: they take * or entity-tags in quotes, "..."`)

// parseTags reads * or a list of entity-tags (RFC 9110 s.8.8.3).
func parseTags(values []string) (tags, error) {
	t := tags{present: len(values) > 0}
	for _, value := range values {
		for rest := trimList(value); rest != ""; rest = trimList(rest) {
			if t.any {
				return tags{}, errTag
			}
			if rest[0] == '*' {
				t.any, rest = true, rest[1:]
				continue
			}
			tag, after, err := cutTag(rest)
			if err != nil {
				return tags{}, err
			}
			t.list, rest = append(t.list, tag), after
		}
	}
	if t.present && t.any == (len(t.list) > 0) { // both, or neither
		return tags{}, errTag
	}
	return t, nil
}

func trimList(s string) string { return strings.TrimLeft(s, ", \t") }

// cutTag takes one entity-tag from the front.
func cutTag(s string) (tag, rest string, err error) {
	weak, quoted := "", s
	if after, ok := strings.CutPrefix(s, "W/"); ok {
		weak, quoted = "W/", after
	}
	if quoted == "" || quoted[0] != '"' {
		return "", "", errTag
	}
	end := strings.IndexByte(quoted[1:], '"')
	if end < 0 {
		return "", "", errTag
	}
	return weak + quoted[1:1+end], quoted[end+2:], nil
}

// matches says whether the stored tag ("" for none) is among them, compared strongly (RFC 9110 s.8.8.3.2).
func (t *tags) matches(stored string) bool {
	return stored != "" && (t.any || slices.Contains(t.list, stored))
}

// matchesWeakly is the comparison of If-None-Match.
func (t *tags) matchesWeakly(stored string) bool {
	return t.matches(stored) || stored != "" && slices.Contains(t.list, "W/"+stored)
}

// errPrecondition is the answer where a condition does not hold.
func errPrecondition() *sip.Error {
	return refuse(http.StatusPreconditionFailed, "the document is another one by now: load it and try again")
}

// check holds the conditions of a PUT or DELETE against the stored tag, "" for none.
func (c *condition) check(stored string) error {
	if c.match.present && !c.match.matches(stored) || c.noneMatch.present && c.noneMatch.matchesWeakly(stored) {
		return errPrecondition()
	}
	return nil
}
