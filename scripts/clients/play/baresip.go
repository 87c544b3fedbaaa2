package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// baresip is driven through two of its modules. ctrl_tcp speaks JSON in
// netstrings and tells how registration and contacts are; its commands end at
// 1,024 bytes, so messages are typed through cons, which is a keyboard and a
// screen over TCP. The screen shows 512 bytes of a received message, so these
// are read in the SIP trace.
type baresip struct {
	phone    *phone
	process  *process
	ctrl     net.Conn
	keyboard net.Conn
	trace    baresipTrace
	mu       sync.Mutex // of writes
	done     chan struct{}
}

const baresipConfig = `sip_listen %s:%d
sip_trans_def %s
net_prefer_ipv6 no
module_path /usr/lib/baresip/modules
module_app account.so
module_app contact.so
module_app menu.so
module_app presence.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:%d
module_app cons.so
cons_listen 127.0.0.1:%d
`

func startBaresip(ctx context.Context, p *phone, _ string) (control, error) {
	ctrl, err := freePort()
	if err != nil {
		return nil, err
	}
	keyboard, err := freePort()
	if err != nil {
		return nil, err
	}
	files := map[string]string{
		"config": fmt.Sprintf(baresipConfig, p.localHost, p.localPort, p.transport, ctrl, keyboard),
		"accounts": fmt.Sprintf("<%s;transport=%s>;auth_user=%s;auth_pass=\"%s\";outbound=\"sip:%s:%d;transport=%[2]s\";regint=600;pubint=600\n",
			p.aor(), p.transport, p.user, p.password, p.proxyHost, p.proxyPort),
		"contacts": fmt.Sprintf("\"Buddy\" <%s>;presence=p2p\n", p.buddy),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(p.folder, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	b := &baresip{phone: p, done: make(chan struct{}), trace: baresipTrace{phone: p}}
	// -s writes a SIP trace, -v what is going on.
	b.process, err = launch(p.folder, "baresip", nil, []string{"baresip", "-f", p.folder, "-s", "-v"}, b.trace.line, p.newsEnded)
	if err != nil {
		return nil, err
	}
	if err := b.connect(ctx, ctrl, keyboard); err != nil {
		b.process.stop(time.Second)
		return nil, err
	}
	go b.hear()
	// The screen must be read, or baresip stops; the trace tells more.
	go io.Copy(io.Discard, b.keyboard)
	go b.ask()
	return b, nil
}

func (b *baresip) connect(ctx context.Context, ctrl, keyboard int) (err error) {
	if b.ctrl, err = dial(ctx, ctrl, b.process); err != nil {
		return err
	}
	b.keyboard, err = dial(ctx, keyboard, b.process)
	return err
}

// order sends a command; its answer comes as news, if anybody cares.
func (b *baresip) order(command, params, token string) error {
	body, err := json.Marshal(map[string]string{"command": command, "params": params, "token": token})
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return writeNetstring(b.ctrl, body)
}

func (b *baresip) publish(basic string) error {
	if basic == "open" {
		return b.order("presence_online", "", "")
	}
	return b.order("presence_offline", "", "")
}

// send goes to the current contact, which is the buddy. Key M begins a message.
func (b *baresip) send(_, text string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, err := fmt.Fprintf(b.keyboard, "M%s\n", text)
	return err
}

func (b *baresip) quit() error {
	err := b.order("quit", "", "")
	b.process.gone(8*time.Second, func() {})
	b.process.stop(time.Second)
	return errors.Join(err, b.ctrl.Close(), b.keyboard.Close())
}

// ask asks how registration and the buddy are, again and again: it may have
// registered before we could hear of it, and for the buddy there is no event.
func (b *baresip) ask() {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if b.order("contacts", "", "contacts") != nil || b.order("reginfo", "", "reginfo") != nil {
				return
			}
		case <-b.done:
			return
		}
	}
}

// hear reads news until the connection ends.
func (b *baresip) hear() {
	defer close(b.done)
	r := bufio.NewReader(b.ctrl)
	for {
		body, err := readNetstring(r)
		if err != nil {
			return
		}
		fmt.Fprintf(b.process, "ctrl_tcp: %s\n", body)
		b.told(body)
	}
}

var registeredLine = regexp.MustCompile(`sip:\S+\s+(\x1b\[[0-9;]*m)?OK`)

var contactLine = regexp.MustCompile(`(Online|Offline|Busy|Unknown)[^\n]*?(sip:[^>;\s]+)`)

func (b *baresip) told(body []byte) {
	var m struct {
		Event, Class, Type, Param, Token, Data string
		Ok                                     bool
	}
	// The numbers and flags that are not listed here do not matter.
	if json.Unmarshal(body, &m) != nil {
		return
	}
	switch {
	case m.Type == "REGISTER_OK":
		b.phone.newsRegistered(true)
	case m.Type == "REGISTER_FAIL":
		b.phone.newsTrouble(fmt.Errorf("REGISTER: %s", m.Param))
	case m.Token == "reginfo":
		b.phone.newsRegistered(registeredLine.MatchString(m.Data))
	case m.Token == "contacts":
		for _, c := range contactLine.FindAllStringSubmatch(m.Data, -1) {
			shown := map[string]string{"Online": "open", "Busy": "busy"}[c[1]]
			b.phone.newsSees(c[2], cmp.Or(shown, "closed"))
		}
	}
}

func writeNetstring(w io.Writer, body []byte) error {
	_, err := fmt.Fprintf(w, "%d:%s,", len(body), body)
	return err
}

var errNetstring = errors.New("not a netstring")

func readNetstring(r *bufio.Reader) ([]byte, error) {
	head, err := r.ReadString(':')
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(head, ":"))
	if err != nil || n < 0 || n > 1<<20 {
		return nil, errNetstring
	}
	body := make([]byte, n+1)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(body, []byte(",")), nil
}
