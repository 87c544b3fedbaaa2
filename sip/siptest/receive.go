package siptest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

func (p *Player) isDisconnected(a *agent, _, _ []string) error {
	if !p.eventually(a.disconnected) {
		return fmt.Errorf("the connection is open")
	}
	return nil
}

func (p *Player) receivesNothing(a *agent, _, _ []string) error {
	p.settle()
	time.Sleep(p.Quiet)
	p.settle()
	if got := a.waiting(); len(got) > 0 {
		return fmt.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	return nil
}

func (p *Player) receivesAnything(a *agent, _, _ []string) error {
	p.settle()
	a.forget()
	return nil
}

// receivesAgain wants the last message once more, byte for byte.
func (p *Player) receivesAgain(a *agent, found, _ []string) error {
	times := 1
	if found[0] != "" {
		var err error
		if times, err = strconv.Atoi(found[0]); err != nil {
			return err
		}
	}
	for i := range times {
		_, err := p.wait(a, func(data string) bool { return data == a.seen })
		if err != nil {
			return fmt.Errorf("repeat %d: %w", i+1, err)
		}
	}
	return nil
}

// eventually waits for something at most Patience.
func (p *Player) eventually(done func() bool) bool {
	for start := time.Now(); ; time.Sleep(time.Millisecond) {
		p.settle()
		if done() {
			return true
		}
		if time.Since(start) >= p.Patience {
			return false
		}
	}
}

// wait gives the first message that is wanted.
func (p *Player) wait(a *agent, wanted func(data string) bool) (m arrived, err error) {
	if !p.eventually(func() (ok bool) { m, ok = a.take(wanted); return ok }) {
		return m, fmt.Errorf("it did not come; waiting are:\n%s", strings.Join(a.waiting(), "\n"))
	}
	return m, nil
}

// receives wants a message: a request of a method, a response of a code, or
// the next message of the block's kind.
func (p *Player) receives(a *agent, found, block []string) error {
	what := found[0]
	head, body := cutBlock(block)
	if len(head) > 0 && !headerLine.MatchString(head[0]) {
		if words := strings.Fields(head[0]); what == "" && words[0] != "SIP/2.0" {
			what = words[0]
		}
	}
	next, err := p.wait(a, func(data string) bool { return isKind(data, what) })
	if err != nil {
		return err
	}
	a.seen = next.data
	m, err := readMessage([]byte(next.data))
	if err != nil {
		return err
	}
	err = errors.Join(p.checkForm(a, m), p.check(m, what, head, body))
	if err != nil {
		return fmt.Errorf("%w\ngot:\n%s", err, next.data)
	}
	p.learn(a, m, next)
	if p.Body != nil && m.body != "" {
		p.Body(a.name, m.body)
	}
	if found[1] != "" {
		return p.answers(a, found[1:], nil)
	}
	return nil
}

// receivesTrying wants a response, or a 500 or 503 to the first attempt.
func (p *Player) receivesTrying(a *agent, found, block []string) error {
	next, err := p.wait(a, func(data string) bool { return isKind(data, "") })
	if err != nil {
		return err
	}
	m, err := readMessage([]byte(next.data))
	if err != nil {
		return err
	}
	if code := m.code(); code != 500 && code != 503 || strconv.Itoa(code) == found[0] {
		a.putBack(next)
		return p.receives(a, []string{found[0], ""}, block)
	}
	if m.code() == 503 && m.get("Retry-After") == "" {
		return fmt.Errorf("a 503 without Retry-After")
	}
	again := a.request.clone()
	a.cseq++
	again.set("CSeq", fmt.Sprintf("%d %s", a.cseq, again.method()))
	again.set("Via", a.via())
	p.remember(a, again)
	if err := a.send(again.String()); err != nil {
		return err
	}
	return p.receives(a, []string{found[0], ""}, block)
}

// isKind: requests by method; any other wish is for a response.
func isKind(data, what string) bool {
	response := strings.HasPrefix(data, "SIP/2.0 ")
	if what == "" || what[0] <= '9' {
		return response
	}
	return !response && strings.HasPrefix(data, what+" ")
}

// learn keeps what later statements refer to.
func (p *Player) learn(a *agent, m *message, from arrived) {
	if m.code() == 0 {
		a.asked = from
		return
	}
	if m.code() == 401 || m.code() == 407 {
		a.challenge = m
	}
	if tag := param(m.get("To"), "tag"); m.code()/100 == 2 {
		a.dialogs[tag] = dialog{m.get("Call-ID"), m.get("From")}
	}
}
