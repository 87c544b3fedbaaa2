package transport

import (
	"bytes"
	"time"
)

// apart is the pause behind each message to a peer that cannot take several
// messages from one read of its socket.
const apart = 100 * time.Millisecond

// oneByOne says of the first message on a connection whether its sender must
// get each message in a segment of its own. scripts/interop shows both faults,
// TestMessagesStayApart what is done about them.
//
// COMPAT: libpurple 2.14 looks at one message whenever its socket has become
// readable and leaves what came with it until more comes. The NOTIFY that
// follows a SUBSCRIBE's 200 is not seen for minutes. Keep-alives would wake
// it, but the bytes after a CRLF are cut wrongly there.
//
// COMPAT: telepathy-rakia 0.8 shows a MESSAGE's text up to the next zero byte:
// what follows the body in the same read is shown as well.
//
// A second Via says that a proxy speaks, which carries others too and must not
// be slowed down.
func oneByOne(message []byte) bool {
	if bytes.Count(message, []byte("\r\nVia: ")) != 1 {
		return false
	}
	for _, name := range [...]string{"Purple/", "Telepathy-Rakia/"} {
		if bytes.Contains(message, []byte("\r\nUser-Agent: "+name)) {
			return true
		}
	}
	return false
}

// nextLocked takes from the queue what is written at once: everything, or one
// message for a peer that gets them one by one.
func (c *connection) nextLocked() (data []byte, pause time.Duration) {
	data = c.queue
	c.queue = nil
	if len(c.sizes) == 0 || len(data) <= c.sizes[0] { // the last one, or closed
		c.sizes = nil
		if c.apart {
			pause = apart
		}
		return data, pause
	}
	first := c.sizes[0]
	c.sizes = c.sizes[1:]
	c.queue = data[first:]
	return data[:first:first], apart
}
