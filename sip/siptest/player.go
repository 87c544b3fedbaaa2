package siptest

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Player plays transcripts against a node.
type Player struct {
	Node netip.AddrPort // where the agents send to
	// Node6 is where agents on IPv6 send to.
	Node6 netip.AddrPort
	Host  func(addr netip.Addr) Host // the machine that an agent runs on
	// Settle waits until everything that can happen now has happened:
	// synctest.Wait in a bubble. nil: nothing tells.
	Settle func()
	// Patience is how long "receives" waits; Quiet is how long nothing may
	// come for "receives nothing".
	Patience, Quiet time.Duration
	// Command does a statement that begins with "node".
	Command func(words, block string) error
	// Body is given each body as an agent receives it. nil: nobody asks.
	Body func(agent, body string)

	vars   variables
	agents map[string]*agent
}

// Play plays a transcript. The error names the line that did not come true.
func (p *Player) Play(s *Script) (err error) {
	p.vars, p.agents = variables{"node": p.Node.String()}, map[string]*agent{}
	defer func() {
		for _, a := range p.agents {
			a.close()
		}
	}()
	for _, part := range s.cast {
		addr, err := netip.ParseAddrPort(part.addr)
		if err != nil {
			return fmt.Errorf("%s:%d: %w", s.Name, part.line, err)
		}
		node := p.Node
		if addr.Addr().Is6() {
			node = p.Node6
		}
		if p.agents[part.name], err = newAgent(s.Name, part, p.Host(addr.Addr()), node); err != nil {
			return fmt.Errorf("%s:%d: %w", s.Name, part.line, err)
		}
		p.vars[part.name] = part.addr
	}
	for _, st := range s.steps {
		if err := p.do(st); err != nil {
			return fmt.Errorf("%s:%d: %s: %w", s.Name, st.line, st.words, err)
		}
	}
	for _, part := range s.cast {
		if left := p.agents[part.name].waiting(); len(left) > 0 {
			return fmt.Errorf("%s: at the end %s has received, and nobody looked at it:\n%s", s.Name, part.name, strings.Join(left, "\n"))
		}
	}
	return nil
}

// statement is one kind of statement: its words, and what it does with what
// the groups found.
type statement struct {
	words *regexp.Regexp
	do    func(p *Player, a *agent, found []string, block []string) error
}

var forms = []statement{
	{form(`sends`), (*Player).sends},
	{form(`sends, authorized with "(.*)"`), (*Player).sendsAuthorized},
	{form(`sends again`), (*Player).sendsAgain},
	{form(`sends raw`), (*Player).sendsRaw},
	{form(`authorizes with "(.*)"`), (*Player).authorizes},
	{form(`receives nothing`), (*Player).receivesNothing},
	{form(`receives anything`), (*Player).receivesAnything},
	{form(`receives again(?: (\d+) times)?`), (*Player).receivesAgain},
	{form(`receives (\d\d\d), trying again`), (*Player).receivesTrying},
	{form(`receives(?: ([A-Z]+|\d\d\d))?(?:, answers (\d\d\d))?`), (*Player).receives},
	{form(`answers (\d\d\d)`), (*Player).answers},
	{form(`connects`), func(_ *Player, a *agent, _, _ []string) error { return a.connect() }},
	{form(`closes`), (*Player).closes},
	{form(`is disconnected`), (*Player).isDisconnected},
}

func form(words string) *regexp.Regexp { return regexp.MustCompile(`^([a-z]\w*) ` + words + `$`) }

func (p *Player) do(st step) error {
	if text, ok := strings.CutPrefix(st.words, "after "); ok {
		d, err := time.ParseDuration(text)
		if err != nil {
			return err
		}
		p.settle()
		time.Sleep(d)
		p.settle()
		return nil
	}
	if words, ok := strings.CutPrefix(st.words, "node "); ok {
		if p.Command == nil {
			return fmt.Errorf("nobody here commands the node")
		}
		p.settle()
		return p.Command(words, strings.Join(st.block, "\n"))
	}
	for _, f := range forms {
		found := f.words.FindStringSubmatch(st.words)
		if found == nil {
			continue
		}
		a := p.agents[found[1]]
		if a == nil {
			return fmt.Errorf("who is %s?", found[1])
		}
		return f.do(p, a, found[2:], st.block)
	}
	return fmt.Errorf("no such statement")
}

func (p *Player) settle() {
	if p.Settle != nil {
		p.Settle()
	}
}

func (p *Player) sends(a *agent, _, block []string) error {
	m, err := p.compose(a, block)
	if err != nil {
		return err
	}
	p.remember(a, m)
	return a.send(m.String())
}

func (p *Player) sendsAuthorized(a *agent, found, block []string) error {
	m, err := p.compose(a, block)
	if err == nil {
		err = a.authorize(m, found[0])
	}
	if err != nil {
		return err
	}
	p.remember(a, m)
	return a.send(m.String())
}

func (p *Player) sendsAgain(a *agent, _, _ []string) error { return a.send(a.sent) }

func (p *Player) sendsRaw(a *agent, _, block []string) error {
	text, err := unescape(p.fill(a, strings.Join(block, `\r\n`)))
	if err != nil {
		return err
	}
	return a.send(text)
}

func (p *Player) authorizes(a *agent, found, block []string) error {
	m, err := p.retried(a, found[0], block)
	if err != nil {
		return err
	}
	p.remember(a, m)
	return a.send(m.String())
}

// closes gives the node the time to notice.
func (p *Player) closes(a *agent, _, _ []string) error {
	a.hangUp()
	p.settle()
	time.Sleep(p.Quiet)
	p.settle()
	return nil
}

// headerLine is a header field or the wish that there is none.
var headerLine = regexp.MustCompile(`^-?[A-Za-z-]+:|^-[A-Za-z-]+$`)

// answers sends a response to the last request that the agent received.
func (p *Player) answers(a *agent, found, block []string) error {
	if a.asked.reply == nil {
		return fmt.Errorf("%s was not asked", a.name)
	}
	asked, err := readMessage([]byte(a.asked.data))
	if err != nil {
		return err
	}
	m := &message{start: "SIP/2.0 " + found[0] + " " + reason(found[0])}
	for _, f := range asked.fields {
		switch f.name {
		case "Via", "From", "Call-ID", "CSeq", "Record-Route":
			m.fields = append(m.fields, f)
		case "To":
			if param(f.value, "tag") == "" {
				f.value += ";tag=answer-" + a.name
			}
			m.fields = append(m.fields, f)
		}
	}
	if len(block) > 0 {
		over := p.written(a, append([]string{"fields"}, block...))
		m.fields, m.body = append(m.fields, over.fields...), over.body
	}
	m.set("Content-Length", strconv.Itoa(len(m.body)))
	a.sent = m.String()
	return a.asked.reply(a.sent)
}

// reason is a phrase for a code: nobody reads it.
func reason(code string) string {
	if code[0] == '2' {
		return "OK"
	}
	return "Scripted"
}
