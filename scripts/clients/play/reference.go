package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// reference is messenger as a watcher: it sees how many services are open.
type reference struct {
	*phone
	process *process
}

const referenceStack = "messenger"

func startReference(server *agent, s settings, folder, user, aor string) (*reference, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	r := &reference{phone: newPhone(account{user: user, domain: s.domain, buddy: aor}, nil)}
	args := []string{server.messenger, "watch", r.aor(), aor, "--document", "--user", user, "--server", fmt.Sprintf("%s:%d", loopback, server.port)}
	var err error
	r.process, err = launch(folder, referenceStack, []string{"PRESENCED_PASSWORD=" + password(user)}, args, r.line(), r.newsEnded)
	return r, err
}

// line counts what is open in each document.
func (r *reference) line() func(string) {
	open := 0
	return func(line string) {
		open += strings.Count(line, "<basic>open</basic>")
		if strings.Contains(line, "</presence>") {
			r.newsSees(r.buddy, strconv.Itoa(open))
			open = 0
		}
	}
}

func (r *reference) untilOpen(ctx context.Context, services int) error {
	return r.until(ctx, 15*time.Second, fmt.Sprintf("sees %d services open", services), func() bool { return r.sees[r.buddy] == strconv.Itoa(services) })
}
