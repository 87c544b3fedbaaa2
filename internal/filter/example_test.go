package filter_test

import (
	"fmt"

	"presenced/internal/filter"
	"presenced/pidf"
)

// A watcher wants to know where the presentity can be reached, and only when a
// service opens.
func Example() {
	change, err := filter.Parse([]byte(`<filter-set xmlns="urn:ietf:params:xml:ns:simple-filter">
<ns-bindings><ns-binding prefix="p" urn="urn:ietf:params:xml:ns:pidf"/></ns-bindings>
<filter id="1">
<what><include>//p:tuple[p:status/p:basic="open"]/p:contact</include></what>
<trigger><changed from="closed" to="open">//p:tuple/p:status/p:basic</changed></trigger>
</filter></filter-set>`), filter.Subscription{Resource: "sip:bob@example.com", Package: "presence"})
	if err != nil {
		fmt.Println(err)
		return
	}
	set, err := filter.Merge(nil, change)
	if err != nil {
		fmt.Println(err)
		return
	}
	f := set.For("sip:bob@example.com")
	read := func(basic string) *pidf.Document {
		d, err := pidf.Parse([]byte(`<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:bob@example.com">` +
			`<tuple id="pc"><status><basic>` + basic + `</basic></status><contact>sip:bob@192.0.2.1</contact><note>At work</note></tuple></presence>`))
		if err != nil {
			fmt.Println(err)
		}
		return d
	}
	closed, open := read("closed"), read("open")
	fmt.Println(f.Triggers(open, closed), f.Triggers(closed, open))
	fmt.Print(string(f.Apply(nil, open)))
	// Output:
	// false true
	// <?xml version="1.0" encoding="UTF-8"?>
	// <presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:bob@example.com">
	// <tuple id="pc"><status><basic>open</basic></status><contact>sip:bob@192.0.2.1</contact></tuple>
	// </presence>
}
