package main

import (
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// poller waits for any of the links, exactly: Go's timers and epoll know only
// whole milliseconds, and a request is due every 200 us at 5,000/s.
type poller struct {
	fds     []unix.PollFd
	yielded time.Time
}

// yieldInterval is half of the time slice after which Go's monitor would take
// the loop's processor away whenever it waits, and look every 20 us whether
// that is worth it: a tenth of a CPU, which the server then lacks.
const yieldInterval = 5 * time.Millisecond

func newPoller(links []link) *poller {
	p := &poller{}
	for _, l := range links {
		p.fds = append(p.fds, unix.PollFd{Fd: int32(l.fd()), Events: unix.POLLIN})
	}
	return p
}

// wait returns when a link has something or the time is over.
func (p *poller) wait(timeout time.Duration) error {
	if now := time.Now(); now.Sub(p.yielded) >= yieldInterval {
		p.yielded = now
		runtime.Gosched()
	}
	ts := unix.NsecToTimespec(int64(max(timeout, 0)))
	if _, err := unix.Ppoll(p.fds, &ts, nil); err != nil && err != unix.EINTR {
		return os.NewSyscallError("ppoll", err)
	}
	return nil
}

func (p *poller) ready(i int) bool { return p.fds[i].Revents != 0 }
