package policy_test

import (
	"fmt"

	"presenced/pidf"
	"presenced/policy"
)

// A watcher sees that the presentity can be reached, but not what it does.
func ExamplePermissions_Transform() {
	document, err := pidf.Parse([]byte(`<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:bob@example.com">
<tuple id="t1"><status><basic>open</basic></status><rpid:class>work</rpid:class><contact>sip:bob@example.com</contact></tuple>
<dm:person id="p1"><rpid:activities><rpid:meeting/></rpid:activities></dm:person>
</presence>`))
	if err != nil {
		fmt.Println(err)
		return
	}
	permissions := policy.Permissions{Handling: policy.Allow, Services: policy.Selection{All: true}}
	fmt.Print(string(permissions.Transform(nil, document)))
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:bob@example.com">
	// <tuple id="t1"><status><basic>open</basic></status><contact>sip:bob@example.com</contact></tuple>
	// </presence>
}
