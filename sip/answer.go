package sip

import (
	"errors"
	"math"
)

// Answer is a lazy view over the bytes of one response, as Request is over a
// request's.
type Answer struct {
	Code   int    // 100 to 699
	Reason string // may be empty

	message
	via    Via
	cseq   uint32
	method string
}

var errResponse = errors.New("malformed response")

// ParseResponse indexes one response. The bytes are borrowed: the Answer and
// all that it returned are valid for as long as raw is. RFC 3261 s.18.3: a
// response that is cut short is discarded, so any fault is an error. An
// extension code of a known class is taken, others are not (s.7.2, s.21).
func ParseResponse(raw []byte) (*Answer, error) {
	a := new(Answer)
	a.raw = raw
	pos := a.skipEmptyLines()
	end, next, _ := a.line(pos)
	var ok bool
	if a.Code, a.Reason, ok = cutStatusLine(view(raw[pos:end])); !ok {
		return nil, errResponse
	}
	if fault := a.index(next); fault != nil {
		return nil, fault
	}
	top, _, _ := cutElement(a.get(fieldVia))
	if !a.via.parse(top) {
		return nil, errVia
	}
	if a.cseq, a.method, ok = cutCSeq(a.get(fieldCSeq), math.MaxUint32); !ok {
		return nil, errResponse
	}
	body, fault := cutBody(&a.message, UDP)
	if fault != nil {
		return nil, fault
	}
	a.body = body
	return a, nil
}

// Via is the top Via. It must not be changed.
func (a *Answer) Via() *Via { return &a.via }

// CSeq is the CSeq's number.
func (a *Answer) CSeq() uint32 { return a.cseq }

// Method is the CSeq's method: what the response answers.
func (a *Answer) Method() string { return a.method }

// To is the To field, where a dialog's remote tag stands.
func (a *Answer) To() (*Address, error) { return ParseAddress(a.get(fieldTo)) }

// cutStatusLine reads SIP-Version SP Status-Code SP Reason-Phrase; a missing
// space before an empty phrase is let pass.
func cutStatusLine(line string) (code int, reason string, ok bool) {
	const version = "SIP/2.0 "
	if len(line) < len(version)+3 || !equalFold(line[:len(version)], version) {
		return 0, "", false
	}
	line = line[len(version):]
	n, _, ok := number(line[:3], 999)
	if !ok || n < 100 || n > 699 || len(line) > 3 && line[3] != ' ' {
		return 0, "", false
	}
	return int(n), trim(line[3:]), true
}
