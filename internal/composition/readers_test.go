package composition_test

import (
	"encoding/xml"
	"regexp"
	"strings"
	"testing"
)

// A reader says what a client shows of a document, by the client's own way of
// reading it, however wrong that is.
type reader func(t *testing.T, document string) string

// readers are those of the clients that watch. telepathy-rakia does not.
var readers = map[string]reader{"baresip": asBaresip, "linphone": asLinphone, "purple": asPurple, "twinkle": asTwinkle}

var firstBasic = regexp.MustCompile(`<basic>([^<]+)</basic>`)

// asBaresip searches the text: the first basic status that there is, and the
// words away, busy and on-the-phone where they stand with this prefix (its
// module presence, subscriber.c).
func asBaresip(_ *testing.T, document string) string {
	status := "offline"
	if m := firstBasic.FindStringSubmatch(document); m != nil && strings.EqualFold(m[1], "open") {
		status = "online"
	}
	switch {
	case strings.Contains(document, "<rpid:away/>"):
		return "offline"
	case strings.Contains(document, "<rpid:busy/>"), strings.Contains(document, "<rpid:on-the-phone/>"):
		return "busy"
	}
	return status
}

// tree is what the other three look at; the standard library reads it.
type tree struct {
	Tuples []struct {
		ID     string `xml:"id,attr"`
		Status struct {
			Basic  []string   `xml:"urn:ietf:params:xml:ns:pidf basic"`
			Online []struct{} `xml:"http://www.linphone.org/xsds/pidfonline.xsd online"`
		} `xml:"urn:ietf:params:xml:ns:pidf status"`
		Contact string   `xml:"urn:ietf:params:xml:ns:pidf contact"`
		Notes   []string `xml:"urn:ietf:params:xml:ns:pidf note"`
	} `xml:"urn:ietf:params:xml:ns:pidf tuple"`
	Persons []struct {
		Activities []struct {
			Words []struct{ XMLName xml.Name } `xml:",any"`
		} `xml:"urn:ietf:params:xml:ns:pidf:rpid activities"`
	} `xml:"urn:ietf:params:xml:ns:pidf:data-model person"`
}

func read(t *testing.T, document string) (d tree) {
	t.Helper()
	if err := xml.Unmarshal([]byte(document), &d); err != nil {
		t.Fatalf("%v:\n%s", err, document)
	}
	return d
}

// asLinphone is the consolidated presence of liblinphone's model, and the first
// activity: any tuple with its own element is online, else any that is open is
// busy, else who has an activity does not want to be disturbed (coreapi,
// presence.c). A basic status that is neither word spoils the document.
func asLinphone(t *testing.T, document string) string {
	d := read(t, document)
	online, open := false, false
	for _, tuple := range d.Tuples {
		for _, basic := range tuple.Status.Basic[:min(len(tuple.Status.Basic), 1)] {
			if basic != "open" && basic != "closed" {
				return "nothing"
			}
			online, open = online || len(tuple.Status.Online) > 0, open || basic == "open"
		}
	}
	activity := ""
	for _, person := range d.Persons {
		for _, activities := range person.Activities {
			for _, word := range activities.Words {
				if activity == "" && word.XMLName.Local != "note" {
					activity = ", " + word.XMLName.Local
				}
			}
		}
	}
	switch {
	case online:
		return "online" + activity
	case open:
		return "busy" + activity
	case activity != "":
		return "do not disturb" + activity
	}
	return "offline"
}

// asPurple looks at the first tuple (libpurple's protocol simple,
// process_incoming_notify). Without a basic status there it does not even
// answer the NOTIFY.
func asPurple(t *testing.T, document string) string {
	d := read(t, document)
	switch {
	case len(d.Tuples) == 0 || len(d.Tuples[0].Status.Basic) == 0 || d.Tuples[0].Status.Basic[0] == "":
		return "nothing"
	case strings.Contains(d.Tuples[0].Status.Basic[0], "open"):
		return "available"
	}
	return "offline"
}

// asTwinkle looks at the first tuple too (its t_pidf_xml_body).
func asTwinkle(t *testing.T, document string) string {
	d := read(t, document)
	if len(d.Tuples) == 0 || len(d.Tuples[0].Status.Basic) == 0 {
		return "unknown"
	}
	switch d.Tuples[0].Status.Basic[0] {
	case "open":
		return "online"
	case "closed":
		return "offline"
	}
	return "unknown"
}

// shows is what the user of a client expects to see, as far as it can be shown
// there: anything of a presentity that is open is open, linphone's own word for
// online counts where it was said, and the activity is the newest.
func shows(client string, open, online bool, activity string) string {
	word := func(yes, no string) string {
		if open {
			return yes
		}
		return no
	}
	switch client {
	case "purple":
		return word("available", "offline")
	case "twinkle":
		return word("online", "offline")
	case "baresip":
		switch activity {
		case "away":
			return "offline"
		case "":
			return word("online", "offline")
		}
		return "busy"
	}
	state := word("busy", "do not disturb")
	switch {
	case online:
		state = "online"
	case !open && activity == "":
		return "offline"
	}
	if activity == "" {
		return state
	}
	return state + ", " + activity
}
