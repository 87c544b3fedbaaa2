package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// twinkle is driven through the standard input of twinkle-console. Its output
// tells of registrations and messages; what it knows of its buddy is only in
// its log, as the NOTIFYs that it took.
type twinkle struct {
	process *process
	done    chan struct{}
}

const twinkleProfile = `user_name=%[1]s
user_domain=%[2]s
auth_realm=
auth_name=%[1]s
auth_pass=%[3]s
outbound_proxy=%[4]s:%[5]d;transport=%[6]s
all_requests_to_proxy=yes
register_at_startup=yes
registration_time=600
sip_transport=%[6]s
enable_nat_keepalive=no
pres_publish_startup=yes
pres_publication_time=600
pres_subscription_time=600
im_send_iscomposing=no
`

// twinkleSystem keeps it off the sound devices and the default ports.
const twinkleSystem = `sip_port=%d
rtp_port=%d
log_show_sip=yes
log_show_debug=no
validate_audio_dev=no
play_ringtone=no
play_ringback=no
`

func startTwinkle(_ context.Context, p *phone, _ string) (control, error) {
	home := filepath.Join(p.folder, ".twinkle")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, err
	}
	rtp, err := freePort()
	if err != nil {
		return nil, err
	}
	files := map[string]string{
		"phone.cfg":   fmt.Sprintf(twinkleProfile, p.user, p.domain, p.password, p.proxyHost, p.proxyPort, p.transport),
		"phone.bud":   "Buddy|" + p.buddy + "|y\n",
		"twinkle.sys": fmt.Sprintf(twinkleSystem, p.localPort, rtp),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	t := &twinkle{done: make(chan struct{})}
	ended := func() {
		close(t.done)
		p.newsEnded()
	}
	t.process, err = launch(p.folder, "twinkle", nil, []string{"twinkle-console", "phone.cfg"}, p.twinkleLine(), ended)
	if err != nil {
		return nil, err
	}
	go t.follow(p, filepath.Join(home, "twinkle.log"))
	return t, nil
}

// twinkleLine reads the screen. A message is its text, the second line after
// the one with To.
func (p *phone) twinkleLine() func(string) {
	after := 0
	return func(line string) {
		switch {
		case after > 0:
			if after--; after == 0 {
				p.newsMessage(line)
			}
		case strings.HasPrefix(line, "To:\t"):
			after = 2
		case strings.Contains(line, "registration succeeded"):
			p.newsRegistered(true)
		case strings.Contains(line, "failed"):
			p.newsTrouble(fmt.Errorf("%s", line))
		}
	}
}

// Entries of the log are separated by lines of three hyphens.
var (
	notifyFrom = regexp.MustCompile(`(?m)^From: .*<(sip:[^>;]+)`)
	basic      = regexp.MustCompile(`<basic>(open|closed)</basic>`)
)

// follow reads the log as it grows, until twinkle ends.
func (t *twinkle) follow(p *phone, name string) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	seen := 0
	for {
		select {
		case <-tick.C:
		case <-t.done:
			return
		}
		log, err := os.ReadFile(name)
		if err != nil {
			continue // not there yet
		}
		end := strings.LastIndex(string(log), "\n---\n")
		if end <= seen {
			continue
		}
		for _, entry := range strings.Split(string(log[seen:end]), "\n---\n") {
			p.twinkleEntry(entry)
		}
		seen = end
	}
}

func (p *phone) twinkleEntry(entry string) {
	if !strings.Contains(entry, "Received from:") || !strings.Contains(entry, "\nNOTIFY sip:") {
		return
	}
	from, status := notifyFrom.FindStringSubmatch(entry), basic.FindStringSubmatch(entry)
	if from != nil && status != nil {
		p.newsSees(from[1], status[1])
	}
}

func (t *twinkle) enter(format string, args ...any) error {
	_, err := fmt.Fprintf(t.process.stdin, format+"\n", args...)
	return err
}

func (t *twinkle) publish(basic string) error {
	if basic == "open" {
		return t.enter("presence -b online")
	}
	return t.enter("presence -b offline")
}

func (t *twinkle) send(to, text string) error { return t.enter("message %s \"%s\"", to, text) }

func (t *twinkle) quit() error {
	err := t.enter("quit")
	t.process.gone(8*time.Second, func() {})
	t.process.stop(time.Second)
	return err
}
