package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// The exit statuses.
const (
	exitDone        = 0
	exitFailed      = 1 // refused by the peer, or failed here
	exitUsage       = 2 // called wrongly
	exitUnreachable = 3 // no answer, or no way to the server
)

// failure is an error that knows its exit status and, where a response was the
// reason, its code and reason phrase.
type failure struct {
	exit       int
	what       string // "REGISTER", or the whole text where code is 0
	code       int
	reason     string
	retryAfter time.Duration // RFC 3261 s.20.33; 0 for none
}

func (f *failure) Error() string {
	if f.code == 0 {
		return f.what
	}
	return fmt.Sprintf("%s: %d %s", f.what, f.code, f.reason)
}

func usageError(format string, args ...any) error {
	return &failure{exit: exitUsage, what: fmt.Sprintf(format, args...)}
}

func failed(format string, args ...any) error {
	return &failure{exit: exitFailed, what: fmt.Sprintf(format, args...)}
}

func unreachable(format string, args ...any) error {
	return &failure{exit: exitUnreachable, what: fmt.Sprintf(format, args...)}
}

// refused is the failure that a final response other than 2xx stands for.
func refused(res *sip.Response) error {
	f := &failure{exit: exitFailed, code: res.StatusCode, reason: printable(res.Reason), what: "refused"}
	if cseq := res.CSeq(); cseq != nil {
		f.what = string(cseq.MethodName) + " refused"
	}
	f.retryAfter = retryAfter(headerValue(res, "Retry-After"))
	return f
}

// retryAfter reads a Retry-After field; comments and parameters may follow the
// number (RFC 3261 s.20.33).
func retryAfter(value string) time.Duration {
	digits := strings.TrimSpace(value)
	if end := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		digits = digits[:end]
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

// exitStatus is the exit status that an error stands for.
func exitStatus(err error) int {
	var f *failure
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &f):
		return f.exit
	}
	return exitFailed
}

// temporary says whether the same request may succeed later: no answer, a
// server in trouble, or an answer with Retry-After.
func temporary(err error) bool {
	var f *failure
	if !errors.As(err, &f) {
		return false
	}
	switch {
	case f.exit == exitUnreachable, f.retryAfter > 0:
		return true
	case f.code == sip.StatusRequestTimeout, f.code == sip.StatusTemporarilyUnavailable, f.code == 481:
		return true
	}
	return f.code >= 500 && f.code < 600 && f.code != sip.StatusNotImplemented
}
