package transport

import (
	"bytes"
	"errors"
	"fmt"
)

// ErrFraming says that the end of a message in a stream cannot be found
// (RFC 3261 s.18.3). More precise errors wrap it.
var ErrFraming = errors.New("transport: framing error")

var (
	errNotSIP           = fmt.Errorf("%w: not a SIP start line", ErrFraming)
	errNoContentLength  = fmt.Errorf("%w: no Content-Length", ErrFraming)
	errTwoLengths       = fmt.Errorf("%w: Content-Length twice", ErrFraming)
	errBadContentLength = fmt.Errorf("%w: Content-Length is not a number", ErrFraming)
)

// maxStartLine bounds the first line of a message in bytes.
const maxStartLine = 8192

// framer finds messages in a stream. It looks at each byte of a head once, in
// whatever pieces the stream arrives; the bytes themselves stay in the
// caller's buffer.
type framer struct {
	max int // head and body, in bytes

	crlfs   int // between messages: line ends since the last message or ping
	scanned int // bytes of this message's head that were looked at: whole lines
	length  int // where the Content-Length line starts; 0: not seen
	size    int // of the whole message, once its head is complete; else 0
}

// between skips line ends before a start line (RFC 3261 s.7.5) and says how
// many bytes they are and how many pings were among them: a ping is a double
// CRLF (RFC 5626 s.5.4).
func (f *framer) between(buf []byte) (skip, pings int) {
	for f.scanned == 0 && skip < len(buf) {
		switch {
		case buf[skip] == '\n':
			skip++
			f.crlfs = 0
		case buf[skip] == '\r' && skip+1 < len(buf) && buf[skip+1] == '\n':
			skip += 2
			f.crlfs++
			if f.crlfs == 2 {
				f.crlfs = 0
				pings++
			}
		default:
			return skip, pings
		}
	}
	return skip, pings
}

// next returns the size of the message at the start of buf, which between has
// been called on, or 0 when more bytes are needed. After an error the stream
// cannot be followed.
func (f *framer) next(buf []byte) (size int, err error) {
	if f.size == 0 {
		if err := f.head(buf); err != nil {
			return 0, err
		}
	}
	if f.size == 0 || len(buf) < f.size {
		return 0, nil
	}
	size = f.size
	*f = framer{max: f.max}
	return size, nil
}

// partial says whether a message has begun and is not complete.
func (f *framer) partial(buf []byte) bool {
	return len(buf) > 0 && !(len(buf) == 1 && buf[0] == '\r')
}

// head looks at the lines that are new. A line ends in CRLF; a bare LF passes.
func (f *framer) head(buf []byte) error {
	if f.scanned == 0 && len(buf) > 0 && !startsMessage(buf) {
		return errNotSIP
	}
	for {
		n := bytes.IndexByte(buf[f.scanned:], '\n')
		end := f.scanned + n + 1
		if n < 0 {
			end = len(buf)
		}
		if f.scanned == 0 && end > maxStartLine && f.max > maxStartLine {
			return errNotSIP
		}
		if end > f.max || n < 0 && end == f.max {
			return ErrTooLarge
		}
		if n < 0 {
			return nil
		}
		line := buf[f.scanned:end]
		done, err := f.line(line)
		if err != nil {
			return err
		}
		f.scanned = end
		if done {
			return f.body(buf)
		}
	}
}

func (f *framer) line(line []byte) (done bool, err error) {
	switch {
	case f.scanned == 0:
		if !isStartLine(line) {
			return false, errNotSIP
		}
	case len(line) == 1 || len(line) == 2 && line[0] == '\r':
		return true, nil
	case isContentLength(line):
		if f.length != 0 {
			return false, errTwoLengths
		}
		f.length = f.scanned
	}
	return false, nil
}

// body takes the size of the message from its complete head.
// RFC 3261 s.18.3: Content-Length must be there on a stream.
func (f *framer) body(buf []byte) error {
	if f.length == 0 {
		return errNoContentLength
	}
	n, err := contentLength(buf[f.length:f.scanned], f.max)
	if err != nil {
		return err
	}
	if f.scanned+n > f.max {
		return ErrTooLarge
	}
	f.size = f.scanned + n
	return nil
}

// startsMessage looks at the first byte: a method and "SIP" are tokens.
// A TLS or HTTP/2 client is found out at once.
func startsMessage(buf []byte) bool {
	c := buf[0]
	if c == '\r' && len(buf) == 1 {
		return true // half a line end
	}
	return c > ' ' && c < 0x7f
}

// isStartLine is true where there is a SIP version, of whatever number, at
// the start (a response) or after a space (a request).
func isStartLine(line []byte) bool {
	if len(line) >= 4 && bytes.EqualFold(line[:4], []byte("SIP/")) {
		return true
	}
	for i := bytes.LastIndexByte(line, '/'); i >= 4; i = bytes.LastIndexByte(line[:i], '/') {
		if bytes.EqualFold(line[i-4:i], []byte(" SIP")) {
			return true
		}
	}
	return false
}

// isContentLength is true for a line that starts a Content-Length field, in
// its compact form too.
func isContentLength(line []byte) bool {
	const name = "content-length"
	var rest []byte
	switch c := line[0] | 0x20; {
	case c == 'c' && len(line) > len(name) && bytes.EqualFold(line[:len(name)], []byte(name)):
		rest = line[len(name):]
	case c == 'l':
		rest = line[1:]
	default:
		return false
	}
	rest = bytes.TrimLeft(rest, " \t")
	return len(rest) > 0 && rest[0] == ':'
}

// contentLength reads the number in a Content-Length field that may be folded
// over several lines (RFC 3261 s.7.3.1). One that is larger than limit is
// limit + 1.
func contentLength(field []byte, limit int) (int, error) {
	i := bytes.IndexByte(field, ':') + 1
	digits, n, ended := 0, 0, false
	for ; i < len(field); i++ {
		switch c := field[i]; {
		case c >= '0' && c <= '9' && !ended:
			digits++
			n = min(n*10+int(c-'0'), limit+1)
		case c == '\n' && (i+1 == len(field) || field[i+1] != ' ' && field[i+1] != '\t'):
			if digits == 0 {
				return 0, errBadContentLength
			}
			return n, nil
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			ended = digits > 0
		default:
			return 0, errBadContentLength
		}
	}
	return 0, errBadContentLength
}
