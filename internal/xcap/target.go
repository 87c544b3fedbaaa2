package xcap

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"presenced/sip"
)

const (
	root     = "/xcap-root/" // RFC 4825 s.6.1
	watching = "/watchers/"
	defaults = "defaults" // the document that a first one is made from, read-only
	maxPath  = 2048       // bytes
)

// target is what a URL names.
type target struct {
	aor     string // whose it is
	usage   *usage // nil: watchers
	node    bool   // a part of the document
	initial bool   // what counts while there is no document
	history bool   // of the watchers
}

// parseTarget reads a path as it stands in the URL, escapes and all. The error is the answer: 404, or 400 for a path
// that no client could mean.
func parseTarget(path string) (*target, error) {
	if len(path) > maxPath {
		return nil, refuse(http.StatusRequestURITooLong, "")
	}
	if selector, ok := strings.CutPrefix(path, root); ok {
		return parseSelector(selector)
	}
	if rest, ok := strings.CutPrefix(path, watching); ok {
		return parseWatchers(rest)
	}
	return nil, refuse(http.StatusNotFound, "nothing here; documents are below "+root)
}

// parseSelector reads document selector, separator and node selector. RFC 4825 s.6.2: AUID, "users" or "global", the
// XUI, the document; s.6: the first "~~" ends it, escaped or not.
func parseSelector(selector string) (*target, error) {
	var segments []string
	node := false
	for segment := range strings.SplitSeq(selector, "/") {
		plain, err := url.PathUnescape(segment)
		if err != nil {
			return nil, refuse(http.StatusBadRequest, "malformed escape in the path").Because(err)
		}
		if node = plain == "~~"; node {
			break
		}
		segments = append(segments, plain)
	}
	if len(segments) == 0 || usages[segments[0]] == nil {
		return nil, refuse(http.StatusNotFound, "unknown application usage; there are pres-rules, pidf-manipulation, presenced.visibility-rules and presenced.delegation")
	}
	t := &target{usage: usages[segments[0]], node: node}
	t.initial = len(segments) == 4 && segments[3] == defaults && t.usage.initial
	if len(segments) != 4 || segments[1] != "users" || !t.initial && !t.usage.has(segments[3]) {
		return nil, refuse(http.StatusNotFound, "no such document; its path is "+root+segments[0]+"/users/{address}/"+t.usage.documents[0])
	}
	var err error
	t.aor, err = parseXUI(segments[2])
	return t, err
}

// parseWatchers reads {aor} or {aor}/history.
func parseWatchers(rest string) (*target, error) {
	segment, view, more := strings.Cut(rest, "/")
	if more && view != "history" {
		return nil, refuse(http.StatusNotFound, "there are "+watching+"{address} and "+watching+"{address}/history")
	}
	plain, err := url.PathUnescape(segment)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "malformed escape in the path").Because(err)
	}
	aor, err := parseXUI(plain)
	return &target{aor: aor, history: more}, err
}

// parseXUI is the canonical address-of-record of an XUI. RFC 4825 s.6.2: the XUI is the address-of-record; who leaves
// the scheme out means the same.
func parseXUI(xui string) (string, error) {
	if user, _, ok := strings.Cut(xui, "@"); ok && !strings.Contains(user, ":") {
		xui = "sip:" + xui
	}
	u, err := sip.ParseURI(xui)
	if err != nil || u.AOR() == "" {
		return "", refuse(http.StatusNotFound, "the path names no address such as sip:alice@example.com")
	}
	return u.AOR(), nil
}

func (t *target) domain() string { return t.aor[strings.LastIndexByte(t.aor, '@')+1:] }

var (
	readMethods  = []string{http.MethodGet, http.MethodHead}
	writeMethods = []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete}
)

func (t *target) methods() []string {
	if t.usage == nil || t.initial {
		return readMethods
	}
	return writeMethods
}

func (t *target) allows(method string) bool { return slices.Contains(t.methods(), method) }

// allow is the Allow field.
func (t *target) allow() string {
	return strings.Join(slices.Concat(t.methods(), []string{http.MethodOptions}), ", ")
}

func known(method string) bool {
	return slices.Contains(writeMethods, method) || method == http.MethodOptions
}

// hostname is the host of a Host field, without port and brackets.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}
