package pidf_test

import (
	"fmt"
	"time"

	"presenced/pidf"
)

// Two devices of one person: the phone has said busy, the laptop is newer and
// says nothing of that.
func ExampleComposition() {
	phone, err := pidf.Parse([]byte(`<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"
  xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:alice@example.com">
 <tuple id="phone"><status><basic>open</basic></status></tuple>
 <dm:person id="alice"><rpid:activities><rpid:busy/></rpid:activities></dm:person>
</presence>`))
	if err != nil {
		fmt.Println(err)
		return
	}
	laptop := pidf.Presence{
		Tuples:  []pidf.Tuple{{ID: "laptop", Status: pidf.Closed}},
		Persons: []pidf.Person{{ID: "me", Moods: []pidf.Enumeration{{Values: []string{"happy"}}}}},
	}
	published, err := pidf.Parse(laptop.Append(nil))
	if err != nil {
		fmt.Println(err)
		return
	}
	c := pidf.Composition{
		Entity:  "sip:alice@example.com",
		Sources: []pidf.Source{{Doc: phone, Key: "1"}, {Doc: published, Key: "2"}},
		Now:     time.Now(),
	}
	document, until := c.Append(nil)
	fmt.Printf("%s%v\n", document, until.IsZero())
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:alice@example.com">
	// <tuple id="phone"><status><basic>open</basic></status></tuple>
	// <tuple id="laptop"><status><basic>closed</basic></status></tuple>
	// <dm:person id="alice"><rpid:mood><rpid:happy/></rpid:mood><rpid:activities><rpid:busy/></rpid:activities></dm:person>
	// </presence>
	// true
}
