package composition_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// said is what a real client publishes in one of its states, and what that
// means.
type said struct {
	client, state string
	document      string
	open          bool
	online        bool   // linphone's own word for it
	activity      string // RFC 4480's; "" is none
	note          string
}

const presentity = "sip:alice@example.com"

// program is a client's User-Agent.
func (s said) program() string { return s.client + "/1" }

func (s said) String() string { return s.client + " " + s.state }

// published are the documents of baresip 1.0, liblinphone 5.1, libpurple 2.14
// and twinkle 1.10. telepathy-rakia 0.8 registers and publishes nothing;
// linphone that goes offline has no document either.
var published = []said{
	{client: "baresip", state: "online", document: byBaresip("open"), open: true},
	{client: "baresip", state: "offline", document: byBaresip("closed")},
	{client: "linphone", state: "online", document: byLinphone("open", online, "", ""), open: true, online: true},
	{client: "linphone", state: "online, with a note", document: byLinphone("open", online, "back again", ""), open: true, online: true, note: "back again"},
	{client: "linphone", state: "busy", document: byLinphone("open", "", "In a meeting é", "busy"), open: true, activity: "busy", note: "In a meeting é"},
	{client: "linphone", state: "away", document: byLinphone("open", "", "out to lunch", "away"), open: true, activity: "away", note: "out to lunch"},
	{client: "linphone", state: "on the phone", document: byLinphone("open", "", "", "on-the-phone"), open: true, activity: "on-the-phone"},
	{client: "linphone", state: "do not disturb", document: byLinphone("closed", "", "", "away"), activity: "away"},
	{client: "purple", state: "available", document: byPurple("open", "available"), open: true, note: "available"},
	{client: "purple", state: "logged out", document: byPurple("closed", "")},
	{client: "twinkle", state: "online", document: byTwinkle("open"), open: true},
	{client: "twinkle", state: "offline", document: byTwinkle("closed")},
}

// byBaresip has the same ids on every machine, the address-of-record as its
// contact, and activities that are always empty.
func byBaresip(basic string) string {
	return `<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf"
    xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"
    xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid"
    entity="` + presentity + `">
  <dm:person id="p4159"><rpid:activities/></dm:person>
  <tuple id="t4109">
    <status>
      <basic>` + basic + `</basic>
    </status>
    <contact>` + presentity + `</contact>
  </tuple>
</presence>`
}

const online = "<pidfonline:online/>"

// byLinphone has new ids in every PUBLISH, and the timestamp of its person is
// PIDF's and not the data model's.
func byLinphone(basic, extension, note, activity string) string {
	const at = "<timestamp>2026-11-22T05:51:11Z</timestamp>"
	scope, person := "", ""
	if extension != "" {
		scope = ` xmlns:pidfonline="http://www.linphone.org/xsds/pidfonline.xsd"`
	}
	if note != "" {
		note = "<note>" + note + "</note>"
	}
	if activity != "" {
		person = "<dm:person id=\"k8qg2c\"><rpid:activities><rpid:" + activity + "/></rpid:activities>" + at + "</dm:person>"
	}
	return `<?xml version="1.0" encoding="UTF-8"?><presence xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"` +
		` xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid"` + scope + ` entity="` + presentity + `" xmlns="urn:ietf:params:xml:ns:pidf">` +
		`<tuple id="q722lz"><status><basic>` + basic + `</basic>` + extension + `</status><contact priority="0.8">` + presentity + `</contact>` +
		note + at + `</tuple>` + person + `</presence>`
}

// byPurple has the same id on every machine, and neither contact nor deviceID.
func byPurple(basic, note string) string {
	return `<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf"
xmlns:im="urn:ietf:params:xml:ns:pidf:im"
entity="` + presentity + `">
<tuple id="bs35r9f">
<status>
<basic>` + basic + `</basic>
</status>
<note>` + note + `</note>
</tuple>
</presence>`
}

// byTwinkle says the least.
func byTwinkle(basic string) string {
	return `<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="` + presentity + `"><tuple id="dxzjim"><status><basic>` + basic + `</basic></status></tuple></presence>`
}

var publishRequest = regexp.MustCompile(`(?s)\nPUBLISH .*?\n\n(<\?xml.*?</presence>)`)

// essence takes out of a document what is another each time it is sent.
func essence(document string) string {
	for _, r := range []struct{ what, with string }{
		{`sip:[^"<]+`, "sip:"}, {` id="[^"]*"`, ` id=""`}, {`<timestamp>[^<]*`, "<timestamp>"}, {`\s+`, " "}, {`> <`, "><"},
	} {
		document = regexp.MustCompile(r.what).ReplaceAllString(document, r.with)
	}
	return document
}

// TestAsClientsPublish: what stands above is what clients sent.
func TestAsClientsPublish(t *testing.T) {
	data := os.Getenv("PRESENCED_RFC_DATA")
	if data == "" {
		t.Skip("PRESENCED_RFC_DATA is not set")
	}
	captured := map[string]map[string]bool{}
	for _, client := range []string{"baresip", "linphone", "purple"} {
		text, err := os.ReadFile(filepath.Join(data, "captures", client+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		captured[client] = map[string]bool{}
		for _, m := range publishRequest.FindAllStringSubmatch(string(text), -1) {
			captured[client][essence(m[1])] = true
		}
	}
	missing := map[string]bool{"linphone on the phone": true, "linphone do not disturb": true} // not in the captures
	for _, s := range published {
		if known := captured[s.client]; known != nil && known[essence(s.document)] == missing[s.String()] {
			t.Errorf("%v: captured %t:\n%s", s, missing[s.String()], essence(s.document))
		}
	}
}
