package notifier

import (
	"crypto/sha256"
	"strings"

	"presenced/sip"
	"presenced/sip/event"
)

// An attempt is what tells one try of a watcher to subscribe from another, by
// RFC 3857 s.4.7.1: the parameters of the Event field, and a hash of the
// filter in the body. Both are mostly missing, and the attempt is "". It stands
// behind the packed dialog, and behind the terms if there are any.

const bodyHash = 8 // bytes of it are kept

// attempt is that of a SUBSCRIBE.
func attempt(r *sip.Request) string {
	params := strings.TrimLeft(eventParams(r), termsMark)
	if len(r.Body()) == 0 {
		return params
	}
	sum := sha256.Sum256(r.Body())
	return params + "\x00" + string(sum[:bodyHash])
}

// eventParams are the Event field's parameters but id: "a=b;c".
func eventParams(r *sip.Request) string {
	_, params, _ := strings.Cut(r.Header("Event"), ";")
	if params == "" {
		return ""
	}
	var kept []string
	for p := range strings.SplitSeq(params, ";") {
		name, value, given := strings.Cut(p, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		switch {
		case name == "" || name == "id":
		case given:
			kept = append(kept, name+"="+strings.TrimSpace(value))
		default:
			kept = append(kept, name)
		}
	}
	return strings.Join(kept, ";")
}

// attemptOf is the attempt behind a packed dialog.
func attemptOf(packed string) string {
	_, attempt := split(restOf(packed))
	return attempt
}

// restOf is what stands behind a packed dialog.
func restOf(packed string) string {
	_, rest, err := event.UnpackDialog(packed)
	if err != nil {
		return ""
	}
	return rest
}

// params are the parameters of the Event field that s was asked for with. Its
// shard is locked, or nobody else has it.
func (s *subscription) params() string {
	params, _, _ := strings.Cut(attemptOf(s.dialog), "\x00")
	return params
}
