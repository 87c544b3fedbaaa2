package main

import (
	"context"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/emiago/sipgo/sip"
)

// largestText is how much stdin may say, in bytes: with the header fields it
// still is one datagram where TCP is not to be had.
const largestText = 60_000

// send sends one instant message (RFC 3428 s.4).
func send(ctx context.Context, a *agent, operands []string) error {
	to, err := parsePrincipal(operands[0])
	if err != nil {
		return err
	}
	text, err := a.text(operands[1:])
	if err != nil {
		return err
	}
	d := newDialog(a.account.uri, to, to)
	// RFC 3428 s.4: no Contact, no dialog. RFC 3261 s.20.15: the charset is said, for it is not ASCII alone.
	res, err := a.do(ctx, d, sip.MESSAGE, content{contentType: "text/plain;charset=UTF-8", body: []byte(text)})
	if err != nil {
		return err
	}
	if !res.IsSuccess() {
		return refused(res)
	}
	how := "sent to"
	if res.StatusCode == sip.StatusAccepted { // RFC 3428 s.7: accepted, perhaps not delivered yet
		how = "accepted for"
	}
	a.out.tell(event{
		Event: "sent", From: a.account.uri.String(), To: to.String(), Code: res.StatusCode, Reason: printable(res.Reason),
	}, "%s %s", how, name(to))
	return nil
}

// text is what is to be sent: the last operand, or all that stdin says.
func (a *agent) text(operands []string) (string, error) {
	var text string
	if len(operands) > 0 {
		text = operands[0]
	} else {
		read, err := io.ReadAll(io.LimitReader(a.terminal.stdin, largestText+1))
		if err != nil {
			return "", failed("stdin: %s", err)
		}
		text = strings.TrimRight(string(read), "\r\n")
	}
	switch {
	case text == "":
		return "", usageError("there is no text to send")
	case len(text) > largestText:
		return "", usageError("the text is longer than %d bytes", largestText)
	case !utf8.ValidString(text):
		return "", usageError("the text is not UTF-8")
	}
	return text, nil
}
