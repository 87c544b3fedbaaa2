package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// driver is a C program around a client's library. One line is one order or
// one piece of news:
//
//	to it:   online | offline | busy | away | send URI TEXT | quit
//	from it: registered | unregistered REASON | sees URI open|closed|busy|away | got TEXT | failed REASON
//
// Lines that begin otherwise are for the log.
type driver struct {
	process *process
}

// startDriver starts the driver of that name. Its arguments are the same for
// every client: USER DOMAIN PASSWORD PROXY-HOST PROXY-PORT TRANSPORT
// LOCAL-HOST LOCAL-PORT FOLDER BUDDY.
func startDriver(name string) func(context.Context, *phone, string) (control, error) {
	return func(_ context.Context, p *phone, drivers string) (control, error) {
		args := []string{filepath.Join(drivers, name), p.user, p.domain, p.password, p.proxyHost,
			strconv.Itoa(p.proxyPort), p.transport, p.localHost, strconv.Itoa(p.localPort), p.folder, p.buddy}
		process, err := launch(p.folder, name, nil, args, p.driverLine, p.newsEnded)
		if err != nil {
			return nil, err
		}
		return &driver{process}, nil
	}
}

func (p *phone) driverLine(line string) {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "registered":
		p.newsRegistered(true)
	case "unregistered":
		p.news(func() {
			p.registered = false
			if rest != "" {
				p.trouble = fmt.Errorf("not registered: %s", rest)
			}
		})
	case "sees":
		aor, basic, _ := strings.Cut(rest, " ")
		p.newsSees(aor, basic)
	case "got":
		p.newsMessage(rest)
	case "failed":
		p.newsTrouble(fmt.Errorf("%s", rest))
	}
}

func (d *driver) order(format string, args ...any) error {
	_, err := fmt.Fprintf(d.process.stdin, format+"\n", args...)
	return err
}

func (d *driver) publish(state string) error {
	switch state {
	case "open":
		return d.order("online")
	case "closed":
		return d.order("offline")
	}
	return d.order("%s", state)
}

func (d *driver) send(to, text string) error { return d.order("send %s %s", to, text) }

func (d *driver) quit() error {
	err := d.order("quit")
	d.process.gone(8*time.Second, func() {})
	d.process.stop(time.Second)
	return err
}
