package main

import "strings"

// baresipTrace reads the SIP trace that baresip -s writes. A message begins
// with a line such as "UDP 127.0.0.1:5060 -> 127.0.0.1:5070" and ends where
// the colour is switched off.
type baresipTrace struct {
	phone      *phone
	message    []string          // lines of the SIP message so far
	open       bool              // inside a message
	unanswered map[string]string // Call-ID to text of MESSAGEs that baresip has not answered yet
}

const colourOff = "\x1b[;m"

// line takes one line of the trace.
func (t *baresipTrace) line(line string) {
	line = strings.TrimSuffix(line, "\r")
	if strings.Contains(line, " -> ") && (strings.HasPrefix(line, "UDP ") || strings.HasPrefix(line, "TCP ")) {
		t.message, t.open = nil, true
		return
	}
	if !t.open {
		return
	}
	rest, ends := strings.CutSuffix(line, colourOff)
	t.message = append(t.message, rest)
	if ends {
		t.open = false
		t.whole()
	}
}

// whole looks at a complete message: a MESSAGE to baresip's own Contact counts
// as received once it was answered with 200.
func (t *baresipTrace) whole() {
	var callID, text string
	body := false
	for _, line := range t.message[1:] {
		switch {
		case body:
			text += line
		case line == "":
			body = true
		case strings.HasPrefix(line, "Call-ID: "):
			callID = line
		}
	}
	start := t.message[0]
	switch {
	case strings.HasPrefix(start, "MESSAGE sip:"+t.phone.user+"-"):
		if t.unanswered == nil {
			t.unanswered = make(map[string]string)
		}
		t.unanswered[callID] = text
	case strings.HasPrefix(start, "SIP/2.0 200 "):
		if text, ok := t.unanswered[callID]; ok {
			delete(t.unanswered, callID)
			t.phone.newsMessage(text)
		}
	}
}
