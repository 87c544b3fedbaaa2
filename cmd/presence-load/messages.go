package main

import (
	"fmt"
	"strings"
)

const (
	userPrefix = "u"
	userDigits = 8
	seqDigits  = 10
	seqMark    = "presence-load " // stands before a state's number in the PIDF's note
)

const registerHead = `
REGISTER sip:{domain} SIP/2.0
Via: SIP/2.0/{proto} {host};branch=z9hG4bK{run}{stamp};rport
Max-Forwards: 70
From: <sip:{prefix}{user}@{domain}>;tag=r{stamp}
To: <sip:{prefix}{user}@{domain}>
Call-ID: r{user}{run}@{host}
CSeq: {cseq} REGISTER
Contact: <sip:r{user}{run}@{host}{transport}>
Expires: {expires}
{extra}Content-Length: 0
`

const publishHead = `
PUBLISH sip:{prefix}{user}@{domain} SIP/2.0
Via: SIP/2.0/{proto} {host};branch=z9hG4bK{run}{stamp};rport
Max-Forwards: 70
From: <sip:{prefix}{user}@{domain}>;tag=p{stamp}
To: <sip:{prefix}{user}@{domain}>
Call-ID: p{user}{run}@{host}
CSeq: {cseq} PUBLISH
Contact: <sip:p{user}{run}@{host}{transport}>
Event: presence
Expires: {expires}
{extra}{type}Content-Length: {length}
`

const publishBody = `<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:{prefix}{user}@{domain}">
<tuple id="t{user}"><status><basic>open</basic></status>` +
	`<contact priority="0.8">sip:{prefix}{user}@{domain}</contact><note>` + seqMark + `{seq}</note>{padding}</tuple>
</presence>`

const subscribeHead = `
SUBSCRIBE {target} SIP/2.0
Via: SIP/2.0/{proto} {host};branch=z9hG4bK{run}{stamp};rport
Max-Forwards: 70
From: <sip:{prefix}{user}@{domain}>;tag={sub}
To: <sip:{prefix}{peer}@{domain}>{tag}
Call-ID: s{sub}{run}@{host}
CSeq: {cseq} SUBSCRIBE
Contact: <sip:s{sub}{run}@{host}{transport}>
Event: presence
Accept: application/pidf+xml
Expires: {expires}
{extra}Content-Length: 0
`

const messageHead = `
MESSAGE sip:{prefix}{peer}@{domain} SIP/2.0
Via: SIP/2.0/{proto} {host};branch=z9hG4bK{run}{stamp};rport
Max-Forwards: 70
From: <sip:{prefix}{user}@{domain}>;tag=m{stamp}
To: <sip:{prefix}{peer}@{domain}>
Call-ID: m{stamp}{run}@{host}
CSeq: {cseq} MESSAGE
{extra}Content-Type: text/plain
Content-Length: {length}
`

const messageBody = `{stamp}{run} Lady Bracknell is here.{padding}`

// templates are the messages as one link sends them.
type templates struct {
	register, publish, publishEmpty, subscribe, message template
}

func newTemplates(set *settings, l link, run string) (*templates, error) {
	constants := map[string]string{
		"domain": set.Domain, "prefix": userPrefix, "run": run, "host": l.local(),
		"proto": strings.ToUpper(l.proto()), "transport": "", "type": "", "padding": "",
	}
	if l.proto() != "udp" {
		constants["transport"] = ";transport=" + l.proto()
	}
	t := &templates{}
	for _, m := range []struct {
		to         *template
		head, body string
		kind       string
		padding    string // with one %s
	}{
		{&t.register, registerHead, "", "", ""},
		{&t.publishEmpty, publishHead, "", "", ""},
		{&t.publish, publishHead, publishBody, "Content-Type: application/pidf+xml\r\n", "<note>%s</note>"},
		{&t.subscribe, subscribeHead, "", "", ""},
		{&t.message, messageHead, messageBody, "", " %s"},
	} {
		constants["type"], constants["padding"] = m.kind, ""
		compiled, err := compile(m.head, m.body, constants)
		if err != nil {
			return nil, err
		}
		if missing := set.BodySize - bodyLength(compiled); m.body != "" && missing > len(m.padding) {
			constants["padding"] = fmt.Sprintf(m.padding, strings.Repeat("x", missing-len(m.padding)+len("%s")))
			if compiled, err = compile(m.head, m.body, constants); err != nil {
				return nil, err
			}
		}
		*m.to = compiled
	}
	return t, nil
}

func bodyLength(t template) int {
	_, body, _ := strings.Cut(string(t.append(nil, &values{})), "\r\n\r\n")
	return len(body)
}
