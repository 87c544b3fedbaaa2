package siptest

import (
	"fmt"
	"strconv"
	"strings"

	"presenced/sip/digest"
)

// compose makes the message that a block stands for: what the block leaves out
// of the fields that every request needs is filled in.
func (p *Player) compose(a *agent, block []string) (*message, error) {
	if len(block) == 0 || block[0] == "" {
		return nil, fmt.Errorf("nothing is written below")
	}
	written := p.written(a, block)
	if written.code() != 0 || written.start == "" {
		return written, nil
	}
	if len(strings.Fields(written.start)) == 2 {
		written.start += " SIP/2.0"
	}
	m := &message{start: written.start, body: written.body}
	for _, f := range a.defaults(written) {
		if written.get(f.name) == "" && !written.omits(f.name) {
			m.fields = append(m.fields, f)
		}
	}
	for _, f := range written.fields {
		if !strings.HasPrefix(f.name, "-") {
			m.fields = append(m.fields, f)
		}
	}
	if m.get("Content-Length") == "" && !written.omits("Content-Length") {
		m.set("Content-Length", strconv.Itoa(len(m.body)))
	}
	return m, nil
}

// written is a block as a message, its variables replaced.
func (p *Player) written(a *agent, block []string) *message {
	head, body := cutBlock(block)
	m := &message{start: p.fill(a, head[0]), body: p.fill(a, writtenBody(body))}
	for _, line := range head[1:] {
		line = p.fill(a, line)
		if line[0] == ' ' || line[0] == '\t' { // folded
			if len(m.fields) > 0 {
				m.fields[len(m.fields)-1].value += "\r\n" + line
			}
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		m.fields = append(m.fields, field{name, strings.TrimLeft(value, " ")})
	}
	if len(body) == 1 && pidfLine.MatchString(body[0]) && m.get("Content-Type") == "" && !m.omits("Content-Type") {
		m.set("Content-Type", pidfType)
	}
	return m
}

// cutBlock divides a block at its first empty line.
func cutBlock(block []string) (head, body []string) {
	for i, line := range block {
		if line == "" {
			return block[:i], block[i+1:]
		}
	}
	return block, nil
}

// omits says whether a line "-Name" asks for no such field.
func (m *message) omits(name string) bool {
	for _, f := range m.fields {
		if strings.HasPrefix(f.name, "-") && sameName(f.name[1:], name) {
			return true
		}
	}
	return false
}

// fill replaces variables; a new one becomes a token, a new $branch one with
// the magic cookie (RFC 3261 s.8.1.1.7).
func (p *Player) fill(a *agent, text string) string {
	return p.vars.expand(text, func(name string) string {
		a.numbered++
		token := fmt.Sprintf("%s-%s-%d", name, a.name, a.numbered)
		if strings.HasPrefix(name, "branch") {
			token = "z9hG4bK-" + token
		}
		return token
	})
}

// defaults are the fields of a request that a transcript need not write.
func (a *agent) defaults(r *message) []field {
	a.numbered++
	n := strconv.Itoa(a.numbered)
	to, from, callID := "<"+r.requestURI()+">", fmt.Sprintf("<%s>;tag=%s-%s", a.uri, a.name, n), "call-"+n+"-"+a.name
	if r.method() == "REGISTER" { // RFC 3261 s.10.2
		to, callID = "<"+a.uri+">", "register-"+a.name
	}
	if d, ok := a.dialogs[param(r.get("To"), "tag")]; ok {
		from, callID = d.from, d.callID
	}
	list := []field{
		{"Via", a.via()},
		{"Max-Forwards", "70"},
		{"From", from},
		{"To", to},
		{"Call-ID", callID},
	}
	number, _, written := strings.Cut(r.get("CSeq"), " ")
	if n, err := strconv.Atoi(number); err == nil {
		a.cseq = max(a.cseq, n)
	} else if !written {
		a.cseq++
		list = append(list, field{"CSeq", fmt.Sprintf("%d %s", a.cseq, r.method())})
	}
	if r.method() == "SUBSCRIBE" {
		list = append(list, field{"Contact", "<" + a.contact() + ">"})
	}
	return list
}

// via is that of a new transaction.
func (a *agent) via() string {
	a.numbered++
	return fmt.Sprintf("SIP/2.0/%s %s;branch=z9hG4bK-%s-%d;rport", strings.ToUpper(a.proto), a.addr, a.name, a.numbered)
}

func (a *agent) contact() string {
	user, _, _ := strings.Cut(strings.TrimPrefix(a.uri, "sip:"), "@")
	contact := "sip:" + user + "@" + a.addr
	if a.proto == "tcp" {
		contact += ";transport=tcp"
	}
	return contact
}

// remember keeps what later statements refer to.
func (p *Player) remember(a *agent, m *message) {
	a.request = m
	a.byBranch[param(m.get("Via"), "branch")] = m
	p.vars[a.name+".branch"] = param(m.get("Via"), "branch")
	p.vars[a.name+".callid"] = m.get("Call-ID")
	p.vars[a.name+".fromtag"] = param(m.get("From"), "tag")
	p.vars[a.name+".cseq"], _, _ = strings.Cut(m.get("CSeq"), " ")
	for _, name := range []string{"Authorization", "Proxy-Authorization"} {
		if value := m.get(name); value != "" {
			a.credentials = value
			p.vars[a.name+".authorization"] = value
		}
	}
}

// retried is the last request once more, with the answer to the last
// challenge: RFC 3261 s.22.2.
func (p *Player) retried(a *agent, password string, block []string) (*message, error) {
	if a.request == nil || a.challenge == nil {
		return nil, fmt.Errorf("%s was not challenged", a.name)
	}
	m := a.request.clone()
	m.fields = m.without("Authorization")
	m.fields = m.without("Proxy-Authorization")
	a.cseq++
	m.set("CSeq", fmt.Sprintf("%d %s", a.cseq, m.method()))
	m.set("Via", a.via())
	name, challenges := "Authorization", a.challenge.values("WWW-Authenticate")
	if a.challenge.code() == 407 {
		name, challenges = "Proxy-Authorization", a.challenge.values("Proxy-Authenticate")
	}
	value, err := digest.Authorize(challenges, m.method(), m.requestURI(), a.user(), password)
	if err != nil {
		return nil, err
	}
	m.set(name, value)
	if len(block) > 0 {
		over := p.written(a, append([]string{"fields"}, block...))
		for _, f := range over.fields {
			if bare, omitted := strings.CutPrefix(f.name, "-"); omitted {
				m.fields = m.without(bare)
			} else {
				m.set(f.name, f.value)
			}
		}
	}
	return m, nil
}

func (a *agent) user() string {
	user, _, _ := strings.Cut(strings.TrimPrefix(a.uri, "sip:"), "@")
	return user
}

// authorize adds credentials to a request without having been asked: the last
// nonce again, its count one higher (RFC 7616 s.3.4).
func (a *agent) authorize(m *message, password string) error {
	c, err := digest.Parse(a.credentials)
	if err != nil {
		return fmt.Errorf("%s has no nonce yet: %w", a.name, err)
	}
	n, err := strconv.ParseUint(c.NonceCount, 16, 32)
	if err != nil {
		return err
	}
	c.NonceCount, c.URI = fmt.Sprintf("%08x", n+1), m.requestURI()
	c.Sign(m.method(), digest.HA1(c.Algorithm, c.Username, c.Realm, password))
	name := "Authorization"
	if a.challenge != nil && a.challenge.code() == 407 {
		name = "Proxy-Authorization"
	}
	m.set(name, c.String())
	return nil
}

// unescape replaces \r, \n, \t, \0 and \xNN in a raw block.
func unescape(text string) (string, error) {
	return strconv.Unquote(`"` + strings.ReplaceAll(text, `"`, `\"`) + `"`)
}
