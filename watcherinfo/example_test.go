package watcherinfo_test

import (
	"fmt"

	"presenced/watcherinfo"
)

// A watcher comes, waits for the presentity's decision, and is let in.
func ExampleNext() {
	status := watcherinfo.Init
	for _, event := range []watcherinfo.Event{watcherinfo.Subscribe, watcherinfo.Approved, watcherinfo.Timeout} {
		status, _ = watcherinfo.Next(status, event, watcherinfo.Undecided)
		fmt.Println(event, "->", status)
	}
	_, err := watcherinfo.Next(status, watcherinfo.Approved, watcherinfo.Undecided)
	fmt.Println(err)
	// Output:
	// subscribe -> pending
	// approved -> active
	// timeout -> terminated
	// watcherinfo: no approved (policy "undecided") in status terminated
}

func ExampleAppend() {
	document := watcherinfo.Append(nil, &watcherinfo.Document{
		Version: 1,
		Lists: []watcherinfo.List{{
			Resource: "sip:joe@example.com", Package: "presence",
			Watchers: []watcherinfo.Watcher{{
				ID: "77ajsyy76", URI: "sip:A@example.com",
				Status: watcherinfo.Active, Event: watcherinfo.Approved,
				Expiration: watcherinfo.Absent, Subscribed: watcherinfo.Absent,
			}},
		}},
	})
	fmt.Print(string(document))
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <watcherinfo xmlns="urn:ietf:params:xml:ns:watcherinfo" version="1" state="partial">
	// <watcher-list resource="sip:joe@example.com" package="presence">
	// <watcher id="77ajsyy76" status="active" event="approved">sip:A@example.com</watcher>
	// </watcher-list>
	// </watcherinfo>
}

// A subscriber reads each document and keeps the whole.
func ExampleView() {
	var view watcherinfo.View
	for _, body := range []string{
		`<watcherinfo xmlns="urn:ietf:params:xml:ns:watcherinfo" version="0" state="full">
		   <watcher-list resource="sip:joe@example.com" package="presence">
		     <watcher id="1" status="pending" event="subscribe">sip:A@example.com</watcher>
		     <watcher id="2" status="active" event="approved">sip:B@example.com</watcher>
		   </watcher-list></watcherinfo>`,
		`<watcherinfo xmlns="urn:ietf:params:xml:ns:watcherinfo" version="1" state="partial">
		   <watcher-list resource="sip:joe@example.com" package="presence">
		     <watcher id="1" status="active" event="approved">sip:A@example.com</watcher>
		   </watcher-list></watcherinfo>`,
	} {
		document, err := watcherinfo.Parse([]byte(body))
		if err != nil {
			fmt.Println(err)
			return
		}
		refresh, err := view.Apply(document)
		fmt.Println("version", view.Version(), "refresh", refresh, err)
	}
	for _, watcher := range view.Lists()[0].Watchers {
		fmt.Println(watcher.URI, watcher.Status)
	}
	// Output:
	// version 0 refresh false <nil>
	// version 1 refresh false <nil>
	// sip:A@example.com active
	// sip:B@example.com active
}
