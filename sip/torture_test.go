package sip

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// outcome is what a torture message gets.
type outcome struct {
	file string
	code int    // what the Mux with a stub for each method answers a request
	want string // a part of the reason phrase, where the code alone says too little
	why  string // the RFC's word, and why we are laxer or stricter where we are
}

// Outcomes that are no status code of a response.
const (
	dropped  = -1 // no answer is possible: ParseRequest returns nil
	accepted = -2 // a response that ParseResponse takes
	refused  = -3 // a response that ParseResponse refuses, and that is dropped
)

// The stub Mux serves REGISTER, PUBLISH, SUBSCRIBE, MESSAGE and OPTIONS, as
// the agent does; so an INVITE that is well formed gets 405.
var rfc4475 = []outcome{
	// 3.1.1 valid messages
	{"wsinv.dat", 405, "", "s.3.1.1.1 well-formed INVITE"},
	{"intmeth.dat", 501, "", "s.3.1.1.2 well-formed, the method is unknown"},
	{"esc01.dat", 405, "", "s.3.1.1.3 well-formed INVITE"},
	{"escnull.dat", 200, "", "s.3.1.1.4 well-formed REGISTER"},
	{"esc02.dat", 501, "", "s.3.1.1.5 the method is unknown, % is no escape in it"},
	{"lwsdisp.dat", 200, "", "s.3.1.1.6 should be accepted"},
	{"longreq.dat", 405, "", "s.3.1.1.7 well-formed INVITE"},
	{"dblreq.dat", 200, "", "s.3.1.1.8 the octets after the body are ignored"},
	{"semiuri.dat", 200, "", "s.3.1.1.9 the user part holds the semicolon"},
	{"transports.dat", 200, "", "s.3.1.1.10 unknown transports in lower Vias"},
	{"mpart01.dat", 200, "", "s.3.1.1.11 NULs in the body"},
	{"unreason.dat", accepted, "", "s.3.1.1.12"},
	{"noreason.dat", accepted, "", "s.3.1.1.13"},
	// 3.1.2 invalid messages
	{"badinv01.dat", 400, "Via", "s.3.1.2.1"},
	{"clerr.dat", 400, "Content-Length", "s.3.1.2.2"},
	{"ncl.dat", 400, "Content-Length", "s.3.1.2.3"},
	{"scalar02.dat", 400, "CSeq", "s.3.1.2.4"},
	{"scalarlg.dat", refused, "", "s.3.1.2.5 discard"},
	{"quotbal.dat", 400, "To", "s.3.1.2.6"},
	{"ltgtruri.dat", 400, "Request-URI", "s.3.1.2.7"},
	{"lwsruri.dat", 400, "Request-URI", "s.3.1.2.8"},
	{"lwsstart.dat", 400, "Request-URI", "s.3.1.2.9 acceptable; guessing at a start line invites two readings of it"},
	{"trws.dat", 400, "Request-Line", "s.3.1.2.10 acceptable, as above"},
	{"escruri.dat", 405, "", "s.3.1.2.11 laxer: headers in the Request-URI are ignored and never forwarded; the method decides"},
	{"baddate.dat", 405, "", "s.3.1.2.12 laxer, as the RFC advises: Date means nothing to us; the method decides"},
	{"regbadct.dat", 200, "", "s.3.1.2.13 400 from the registrar: Contacts() is an error (TestContactsOfTorture)"},
	{"badaspec.dat", 200, "", "s.3.1.2.14 laxer: spaces at both ends inside <> leave no doubt of what is meant"},
	{"baddn.dat", 400, "From", "s.3.1.2.15 a comma outside quotes divides addresses"},
	{"badvers.dat", 505, "", "s.3.1.2.16"},
	{"mismatch01.dat", 400, "CSeq", "s.3.1.2.17"},
	{"mismatch02.dat", 400, "CSeq", "s.3.1.2.18 should be 501, 400 is acceptable: the fault of form is found first"},
	{"bigcode.dat", refused, "", "s.3.1.2.19 drop"},
	// 3.2 and 3.3
	{"badbranch.dat", 200, "", "s.3.2.1 taken as an RFC 2543 request without a branch"},
	{"insuf.dat", 400, "From", "s.3.3.1 From, To and Call-ID are missing"},
	{"unkscm.dat", 416, "", "s.3.3.2"},
	{"novelsc.dat", 416, "", "s.3.3.3"},
	{"unksm2.dat", 200, "", "s.3.3.4 400 from the registrar: To has no address-of-record (TestContactsOfTorture)"},
	{"bext01.dat", 420, "", "s.3.3.5"},
	{"invut.dat", 405, "", "s.3.3.6 the method comes before the body"},
	{"regaut01.dat", 200, "", "s.3.3.7 401 from the guard where credentials are asked for"},
	{"multi01.dat", 400, "More than one Max-Forwards", "s.3.3.8"},
	{"mcl01.dat", 400, "Content-Length", "s.3.3.9"},
	{"bcast.dat", accepted, "", "s.3.3.10 well-formed; it matches no transaction and goes nowhere: we forward no response by Via"},
	{"zeromf.dat", 200, "", "s.3.3.11 we are the recipient"},
	{"cparam01.dat", 200, "", "s.3.3.12"},
	{"cparam02.dat", 200, "", "s.3.3.13"},
	{"regescrt.dat", 200, "", "s.3.3.14"},
	{"sdp01.dat", 405, "", "s.3.3.15 the method comes before Accept"},
	// 3.4
	{"inv2543.dat", 405, "", "s.3.4.1 accepted as far as form goes: no branch, From tag, Max-Forwards or Content-Length"},
	{"test.dat", dropped, "", "not in the RFC: no SIP-Version, no Via"},
}

var rfc5118 = []outcome{
	{"ipv6-good", 200, "", "s.4.1"},
	{"ipv6-bad", 400, "Request-URI", "s.4.2 an IPv6 address without brackets"},
	{"port-ambiguous", 200, "", "s.4.3 5070 is the address's last part, as the RFC reads it"},
	{"port-unambiguous", 200, "", "s.4.4"},
	{"via-received-param-with-delim", 405, "", "s.4.5 must be parsed; the method is BYE"},
	{"via-received-param-no-delim", 200, "", "s.4.5"},
	{"ipv6-in-sdp", 400, "Content-Length", "s.4.6; its Content-Length is 17 more than its body has, which s.4.6 is not about"},
	{"mult-ip-in-header", 405, "", "s.4.7"},
	{"mult-ip-in-sdp", 405, "", "s.4.8"},
	{"ipv4-mapped-ipv6", 405, "", "s.4.9"},
	{"ipv6-bug-abnf-3-colons", 200, "", "s.4.10 must be tolerated"},
	{"ipv6-correct-abnf-2-colons", 200, "", "s.4.10"},
}

// rfcData is the folder with the RFCs' messages; the test is skipped without.
func rfcData(t testing.TB) string {
	folder := os.Getenv("PRESENCED_RFC_DATA")
	if folder == "" {
		t.Skip("PRESENCED_RFC_DATA is unset")
	}
	return folder
}

func read(t testing.TB, file string) []byte {
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestTorture(t *testing.T) {
	for folder, outcomes := range map[string][]outcome{"rfc4475-torture": rfc4475, "rfc5118-torture-ipv6": rfc5118} {
		folder = filepath.Join(rfcData(t), "rfc-examples", folder)
		files, err := os.ReadDir(folder)
		if err != nil || len(files) != len(outcomes) {
			t.Errorf("%s has %d messages (%v), the table %d", folder, len(files), err, len(outcomes))
		}
		for _, o := range outcomes {
			t.Run(o.file, func(t *testing.T) {
				raw := read(t, filepath.Join(folder, o.file))
				if !strings.Contains(string(raw), "\r\n") { // RFC 5118's archive has LF, its Content-Lengths count CRLF
					raw = []byte(crlf(string(raw)))
				}
				if code, reason := judge(t, raw); code != o.code || !strings.Contains(reason, o.want) {
					t.Errorf("got %d %q, want %d %q (%s)", code, reason, o.code, o.want, o.why)
				}
			})
		}
	}
}

// judge puts one message through what the agent would put it through.
func judge(t *testing.T, raw []byte) (code int, reason string) {
	if IsResponse(raw) {
		if _, err := ParseResponse(raw); err != nil {
			return refused, err.Error()
		}
		return accepted, ""
	}
	r, err := ParseRequest(raw, udpFlow)
	if r == nil {
		return dropped, err.Error()
	}
	var res *Response
	if err == nil {
		res, err = stubMux().ServeSIP(context.Background(), r)
	}
	res = ResponseOf(res, err)
	answer, err := ParseResponse(AppendResponse(nil, r, res, "tag"))
	if err != nil {
		if res.Code == StatusBadRequest { // of the same form as what it refuses
			return res.Code, res.Reason
		}
		t.Errorf("our own %d is malformed: %v", res.Code, err)
		return res.Code, res.Reason
	}
	return answer.Code, answer.Reason
}

func stubMux() *Mux {
	ok := HandlerFunc(func(context.Context, *Request) (*Response, error) {
		return &Response{Code: StatusOK}, nil
	})
	m := NewMux(MuxConfig{Local: func(host string) bool {
		a, numeric := hostAddr(host)
		return strings.HasPrefix(host, "example.") || numeric && a.Is6() && netip.MustParsePrefix("2001:db8::/32").Contains(a)
	}})
	m.Handle("REGISTER", ok)
	m.Handle("MESSAGE", ok)
	m.HandleEvent("PUBLISH", "presence", ok)
	m.HandleEvent("SUBSCRIBE", "presence", ok)
	return m
}

// Some torture messages are well-formed as a whole and refused by what reads
// the field in question.
func TestContactsOfTorture(t *testing.T) {
	parse := func(file string) *Request {
		r, err := ParseRequest(read(t, filepath.Join(rfcData(t), "rfc-examples", "rfc4475-torture", file)), udpFlow)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if _, err := parse("regbadct.dat").Contacts(); err == nil {
		t.Error("regbadct: a Contact with headers outside of <> was taken")
	}
	if to, err := parse("unksm2.dat").To(); err != nil || to.URI.AOR() != "" {
		t.Errorf("unksm2: an isbn: URI gave an address-of-record (%v)", err)
	}
	contacts, err := parse("regescrt.dat").Contacts()
	if err != nil || len(contacts) != 1 || contacts[0].URI.Headers != "Route=%3Csip:sip.example.com%3E" {
		t.Errorf("regescrt: %v %v", contacts, err)
	}
	contacts, err = parse("cparam01.dat").Contacts()
	if err != nil || contacts[0].URI.Params != "" || !contacts[0].Params.Has("unknownparam") {
		t.Errorf("cparam01: %v %v", contacts, err)
	}
	contacts, err = parse("cparam02.dat").Contacts()
	if err != nil || !contacts[0].URI.Params.Has("unknownparam") || contacts[0].Params != "" {
		t.Errorf("cparam02: %v %v", contacts, err)
	}
	contacts, err = parse("escnull.dat").Contacts()
	if err != nil || len(contacts) != 2 || contacts[0].URI.Equal(&contacts[1].URI) {
		t.Errorf("escnull: two distinct contacts became %v %v", contacts, err)
	}
	if contacts, err = parse("esc02.dat").Contacts(); err != nil || len(contacts) != 2 {
		t.Errorf("esc02: two contacts became %v %v", contacts, err)
	}
	u, err := parse("semiuri.dat").URI()
	if err != nil || u.User != "user;par=u%40example.net" || u.Host != "example.com" {
		t.Errorf("semiuri: %+v %v", u, err)
	}
	if got := string(parse("dblreq.dat").Body()); got != "" {
		t.Errorf("dblreq: the body is %q", got)
	}
}

// invalidExamples are complete, but no SIP by RFC 3261 s.25.1: an address in
// angle brackets is a URI, and that has a scheme.
var invalidExamples = map[string]string{
	"rfc3261-s23.4.2-31-INVITE.sip": "Malformed From",
	"rfc5626-s9.1-02-SUBSCRIBE.sip": "Malformed From",
	"rfc5626-s9.1-03-NOTIFY.sip":    "Malformed To",
}

// Every complete example of the RFCs is accepted by form, if it is valid.
func TestRFCExamples(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(rfcData(t), "rfc-examples", "sip-normalised", "*.sip"))
	if err != nil || len(files) < 100 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	for _, file := range files {
		raw := read(t, file)
		if IsResponse(raw) {
			_, err = ParseResponse(raw)
		} else {
			_, err = ParseRequest(raw, udpFlow)
		}
		name := filepath.Base(file)
		if want, invalid := invalidExamples[name]; invalid {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Every message of the recorded clients is accepted.
func TestCaptures(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(rfcData(t), "captures", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatal("no captures", err)
	}
	for _, file := range files {
		seen := 0
		for _, raw := range captured(string(read(t, file))) {
			seen++
			if IsResponse(raw) {
				_, err = ParseResponse(raw)
			} else {
				err = parseAll(raw)
			}
			if err != nil {
				t.Errorf("%s: %v in\n%s", filepath.Base(file), err, raw)
			}
		}
		if seen < 10 {
			t.Errorf("%s: %d messages found", file, seen)
		}
	}
}

// parseAll asks a request for everything typed.
func parseAll(raw []byte) error {
	r, err := ParseRequest(raw, udpFlow)
	if err != nil {
		return err
	}
	_, err1 := r.From()
	_, err2 := r.To()
	_, err3 := r.Contacts()
	_, err4 := r.URI()
	_, _, err5 := r.Expires()
	return errors.Join(err1, err2, err3, err4, err5)
}

// captured gives back the messages of a recording, whose line ends were made
// LF: the header's were CRLF, and the body's where the length says so.
func captured(recording string) (messages [][]byte) {
	for part := range strings.SplitSeq("\n"+recording, "\n### ") {
		_, message, ok := strings.Cut(part, "\n")
		if !ok || !strings.Contains(message, "SIP/2.0") {
			continue
		}
		head, body, _ := strings.Cut(message, "\n\n")
		head = crlf(head + "\n\n")
		want := 0
		for line := range strings.SplitSeq(head, "\r\n") {
			if value, ok := strings.CutPrefix(line, "Content-Length:"); ok {
				n, _, _ := number(trim(value), 1<<16)
				want = int(n)
			}
		}
		for _, form := range []string{body, body + "\n", crlf(body), crlf(body + "\n")} {
			if len(form) >= want {
				messages = append(messages, []byte(head+form[:want]))
				break
			}
		}
	}
	return messages
}
