package transport

import (
	"bytes"
	"time"
)

// apart is the pause behind each message to a peer that takes one message
// from each read of its socket.
const apart = 100 * time.Millisecond

// oneByOne says of the first message on a connection whether its sender must
// get each message in a segment of its own.
//
// COMPAT: libpurple 2.14 looks at one message whenever its socket has become
// readable and leaves what came with it until more comes. The NOTIFY that
// follows a SUBSCRIBE's 200 is not seen for minutes. Keep-alives would wake
// it, but the bytes after a CRLF are cut wrongly there. The test
// is TestMessagesToLibpurpleStayApart; scripts/interop shows it.
func oneByOne(message []byte) bool {
	return bytes.Contains(message, []byte("\r\nUser-Agent: Purple/"))
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
