package sip

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	oracle "github.com/emiago/sipgo/sip"
)

// seeds adds the messages of this package's tests and, where they are at
// hand, the torture messages and captures.
func seeds(f *testing.F) {
	for _, message := range []string{baseRequest, benchSubscribe, benchPublish, string(benchAnswer)} {
		f.Add([]byte(message))
	}
	folder := os.Getenv("PRESENCED_RFC_DATA")
	if folder == "" {
		return
	}
	for _, pattern := range []string{"rfc-examples/rfc*-torture*/*", "rfc-examples/sip-normalised/*"} {
		files, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			f.Add(read(f, file))
		}
	}
	captures, err := filepath.Glob(filepath.Join(folder, "captures", "*.txt"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range captures {
		for i, message := range captured(string(read(f, file))) {
			if i%10 == 0 {
				f.Add(message)
			}
		}
	}
}

// FuzzParseRequest reads what we accept a second time with sipgo's full
// parser: where it accepts too, both must have read the same. What we refuse
// must be answerable.
func FuzzParseRequest(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		r, err := ParseRequest(raw, udpFlow)
		if r != nil {
			exercise(r)
			answer := AppendResponse(nil, r, ResponseOf(&Response{Code: 200}, nil), "t")
			if err == nil {
				sameTransaction(t, r, answer)
			}
			r.clean = false // the careful way to write it is the oracle of the quick one
			if careful := AppendResponse(nil, r, &Response{Code: 200}, "t"); !bytes.Equal(answer, careful) {
				t.Errorf("written quickly:\n%q\ncarefully:\n%q", answer, careful)
			}
		}
		if !bytes.Equal(before, raw) {
			t.Fatal("the message was changed")
		}
		if err == nil {
			compareWithOracle(t, r)
		}
	})
}

// exercise calls everything that parses on demand.
func exercise(r *Request) {
	for _, name := range [...]string{"Via", "Contact", "Supported", "X-Unknown", ""} {
		r.Header(name)
		r.Has(name)
		r.List(name)
		r.Values(name)
	}
	r.AOR()
	r.EventPackage()
	r.ContentType()
	r.MaxForwards()
	r.ReplyTo()
	_, _, _ = r.Expires()
	_, _ = r.Contacts()
	_, _ = r.From()
	_, _ = r.To()
}

// sameTransaction says whether a response's copied fields are the request's.
func sameTransaction(t *testing.T, r *Request, answer []byte) {
	a, err := ParseResponse(answer)
	if err != nil {
		t.Fatalf("our own response is malformed: %v\n%q", err, answer)
	}
	for _, name := range [...]string{"From", "Call-ID", "CSeq"} {
		if a.Header(name) != appendedValue(r.Header(name)) {
			t.Errorf("%s was %q and came back as %q", name, r.Header(name), a.Header(name))
		}
	}
	to, err := a.To()
	if _, _, params, ok := cutAddress(a.Header("To")); !ok {
		t.Errorf("To became %q (%v, %v)", a.Header("To"), to, err)
	} else if tag, _ := Params(params).Get("tag"); tag != r.ToTag() && tag != "t" {
		t.Errorf("To's tag %q became %q", r.ToTag(), tag)
	}
	if len(a.List("Via")) != len(r.List("Via")) || a.Via().Branch != r.Via().Branch || a.Via().SentBy != r.Via().SentBy {
		t.Errorf("the Vias %q became %q", r.List("Via"), a.List("Via"))
	}
	code, branch, method, ok := GlanceResponse(answer)
	if ok && (code != 200 || string(branch) != r.Via().Branch || string(method) != r.Method()) {
		t.Errorf("a glance at %q saw %d %q %q", answer, code, branch, method)
	}
}

func appendedValue(s string) string { return trim(string(appendOneLine(nil, s))) }

// compareWithOracle compares with sipgo's reading of the same bytes, where it
// has one. TestOracleDiffers names the differences that are faults of its;
// they are passed over here.
func compareWithOracle(t *testing.T, r *Request) {
	// A bare LF ends no line for sipgo.
	if bytes.Count(r.raw, []byte("\n")) != bytes.Count(r.raw, []byte("\r\n")) {
		return
	}
	message, err := oracle.ParseMessage(bytes.TrimLeft(bytes.Clone(r.raw), "\r\n"))
	if err != nil {
		return
	}
	theirs, ok := message.(*oracle.Request)
	if !ok {
		t.Fatalf("a response was taken for a request: %q", r.raw)
	}
	same := func(what, ours, theirs string) {
		if ours != theirs {
			t.Errorf("%s: we read %q, sipgo %q in\n%q", what, ours, theirs, r.raw)
		}
	}
	// RFC 3261 s.7.1: methods are case-sensitive; sipgo puts them in capitals.
	same("method", strings.ToUpper(r.Method()), string(theirs.Method))
	if id := theirs.CallID(); id != nil {
		same("Call-ID", r.CallID(), trim(id.Value()))
	}
	if cseq := theirs.CSeq(); cseq != nil && cseq.SeqNo != r.CSeq() {
		t.Errorf("CSeq: we read %d, sipgo %d in\n%q", r.CSeq(), cseq.SeqNo, r.raw)
	}
	for _, f := range [...]struct{ what, value, ours, theirs string }{
		{"From's tag", r.Header("From"), r.FromTag(), oracleFromTag(theirs)},
		{"To's tag", r.Header("To"), r.ToTag(), oracleToTag(theirs)},
		{"branch", strings.Replace(r.Header("Via"), " ", "", 1), r.Via().Branch, oracleBranch(theirs)},
	} {
		if plain(f.value) {
			same(f.what, f.ours, f.theirs)
		}
	}
	same("body", string(r.Body()), string(theirs.Body()))
}

func oracleFromTag(r *oracle.Request) (tag string) {
	if r.From() != nil {
		tag, _ = r.From().Params.Get("tag")
	}
	return tag
}

func oracleToTag(r *oracle.Request) (tag string) {
	if r.To() != nil {
		tag, _ = r.To().Params.Get("tag")
	}
	return tag
}

func oracleBranch(r *oracle.Request) (branch string) {
	if r.Via() != nil {
		branch, _ = r.Via().Params.Get("branch")
	}
	return branch
}

// What RFC 3261 s.25.1 allows and sipgo v1.7.2 misreads. When a line of this
// fails because sipgo has learnt, the fuzzing passes over one thing less.
func TestOracleDiffers(t *testing.T) {
	for _, c := range []struct {
		name, old, changed string
		read               func(*Request) string
		oracle             func(*oracle.Request) string
		ours, theirs       string
	}{
		{"a quoted value holds a parameter", ";tag=a1", `;tag=a1;x="a;tag=b"`, (*Request).FromTag, oracleFromTag, "a1", `b"`},
		{"white space around a parameter", ";tag=a1", " ; tag = a1", (*Request).FromTag, oracleFromTag, "a1", ""},
		{"a quoted tag", ";tag=a1", `;tag="a1"`, (*Request).FromTag, oracleFromTag, "a1", `"a1"`},
		{"the last of two counts", ";tag=a1", ";tag=a1;tag=a2", (*Request).FromTag, oracleFromTag, "a1", "a2"},
		{"a value with an equals sign", ";tag=a1", ";tag=a1=b", (*Request).FromTag, oracleFromTag, "a1=b", ""},
		{"white space in a Via", "branch=z9hG4bK1", "branch = z9hG4bK1 ", branchOf, oracleBranch, "z9hG4bK1", ""},
		{"a quoted value in a Via", "branch=", `x="a;b=c";branch=`, branchOf, oracleBranch, "z9hG4bK1", ""},
		{"the last of two branches", "branch=z9hG4bK1", "branch=z9hG4bK1;branch=2", branchOf, oracleBranch, "z9hG4bK1", "2"},
	} {
		r, err := ParseRequest(edit(t, c.old, c.changed), udpFlow)
		if err != nil {
			t.Fatal(err)
		}
		message, err := oracle.ParseMessage(bytes.Clone(r.raw))
		if err != nil {
			t.Fatal(err)
		}
		if ours, theirs := c.read(r), c.oracle(message.(*oracle.Request)); ours != c.ours || theirs != c.theirs {
			t.Errorf("%s: we read %q, sipgo %q; expected %q and %q", c.name, ours, theirs, c.ours, c.theirs)
		}
	}
}

func branchOf(r *Request) string { return r.Via().Branch }

// plain says whether a value has nothing that sipgo's parsers trip over: white
// space and quotes around parameters, a second "=" in a value, a parameter
// that stands twice, a comma.
func plain(value string) bool {
	seen := map[string]bool{}
	_, params, _ := strings.Cut(value, ";")
	for name, value := range Params(params).All {
		if strings.Contains(value, "=") || seen[toLower(name)] {
			return false
		}
		seen[toLower(name)] = true
	}
	return !strings.ContainsAny(value, " \t\",")
}

func FuzzParseResponse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		code, branch, method, seen := GlanceResponse(raw)
		a, err := ParseResponse(raw)
		if err != nil {
			return
		}
		if a.Code < 100 || a.Code > 699 || !IsResponse(raw) {
			t.Errorf("the code is %d in %q", a.Code, raw)
		}
		if seen && (code != a.Code || string(branch) != a.Via().Branch || string(method) != a.Method()) {
			t.Errorf("a glance saw %d %q %q, the parser %d %q %q in %q", code, branch, method, a.Code, a.Via().Branch, a.Method(), raw)
		}
		a.List("Contact")
		_, _ = a.To()
	})
}

func FuzzURI(f *testing.F) {
	for _, uri := range []string{"sip:alice:pw@example.com:5060;lr?a=b", "sips:%61@[::1]", "tel:+1", "pres:a@b", "sip:a@[1:::1.2.3.4]"} {
		f.Add(uri)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := ParseURI(s)
		if err != nil {
			return
		}
		again, err := ParseURI(u.String())
		if err != nil || *again != *u || !u.Equal(again) {
			t.Fatalf("%q became %q and then %+v (%v)", s, u.String(), again, err)
		}
		if aor := u.AOR(); aor != "" {
			canonical, err := ParseURI(aor)
			if err != nil || canonical.AOR() != aor {
				t.Fatalf("the canonical form of %q is %q, and that of this is another (%v)", s, aor, err)
			}
		}
		var theirs oracle.Uri
		if oracle.ParseUri(s, &theirs) != nil || u.Opaque != "" || u.Scheme[0] != 's' || strings.Contains(u.User, "[") {
			return
		}
		if !strings.EqualFold(u.Host, theirs.Host) || u.Port != theirs.Port {
			t.Errorf("%q: we read %q %d, sipgo %q %d", s, u.Host, u.Port, theirs.Host, theirs.Port)
		}
	})
}

func FuzzAddress(f *testing.F) {
	for _, address := range []string{`"A \" B" <sip:a@h;lr>;tag=1;x="y"`, "sip:a@h;tag=1", "*", "A B<sip:a@h>"} {
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil || a.Star {
			return
		}
		again, err := ParseAddress(a.Raw)
		if err != nil || *again != *a {
			t.Fatalf("%q became %+v and then %+v (%v)", s, a, again, err)
		}
		if elements := appendElements(nil, s); len(elements) != 1 || elements[0] != a.Raw {
			t.Fatalf("the address %q is the list %q", s, elements)
		}
		var uri oracle.Uri
		var params oracle.HeaderParams
		if !plain(s) {
			return
		}
		if _, err := oracle.ParseAddressValue(s, &uri, &params); err != nil {
			return
		}
		if tag, _ := params.Get("tag"); tag != a.Tag() {
			t.Errorf("%q: we read the tag %q, sipgo %q", s, a.Tag(), tag)
		}
	})
}
