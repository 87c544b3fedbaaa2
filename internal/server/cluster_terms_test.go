package server_test

import (
	"strings"
	"testing"

	"presenced/internal/server/servertest"
	"presenced/pidf/partial"
)

const (
	asPartial   = "Event: presence;max-rate=9\r\nAccept: application/pidf-diff+xml\r\nExpires: 600\r\n"
	withoutNote = `<filter-set xmlns="urn:ietf:params:xml:ns:simple-filter"><ns-bindings><ns-binding prefix="p" urn="urn:ietf:params:xml:ns:pidf"/></ns-bindings>` +
		`<filter id="f"><what><exclude>//p:note</exclude></what></filter></filter-set>`
)

// Two agents on one Redis: the terms of a subscription go with it. An entity-tag
// holds at either (RFC 5839 s.3), a filter stays (RFC 4660 s.5.2.2), and who is
// told what is new gets full state with a later version (RFC 5263 s.4.4).
func TestClusterTerms(t *testing.T) {
	t.Parallel()
	redis := servertest.StartRedis(t)
	a, b := startAgent(t, redis, "a", "1s"), startAgent(t, redis, "b", "1s")
	bob, alice := peer(t, "bob"), peer(t, "alice")
	tag := bob.Publish(a.udp(), "", "one")

	d := alice.NewDialog(bob.AOR)
	r := d.Request(600)
	r.Header, r.Body = asPartial+"Content-Type: application/simple-filter+xml\r\n", withoutNote
	d.Do(a.udp(), r, 200)
	first := d.Next()
	var copied partial.Copy
	take := func(n servertest.Notify) {
		t.Helper()
		if err := copied.Update([]byte(n.Body)); err != nil {
			t.Fatalf("%v\n%s", err, n.Body)
		}
		if strings.Contains(string(copied.Document), "<note>") || !strings.Contains(n.State, ";max-rate=9") {
			t.Errorf("the terms are lost: %s\n%s", n.State, n.Body)
		}
	}
	take(first)

	r = d.Request(600) // it moves: nothing of it is new
	r.Header = asPartial + "Suppress-If-Match: " + first.ETag + "\r\n"
	d.Do(b.udp(), r, 204)
	bob.Publish(a.udp(), tag, "two") // the filter leaves out what has changed
	bob.Do(a.udp(), servertest.Request{Method: "PUBLISH", URI: bob.AOR, Header: "Event: presence\r\nExpires: 600\r\nContent-Type: application/pidf+xml\r\nUser-Agent: other\r\n",
		Body: strings.NewReplacer(`id="t1"`, `id="t2"`, bob.AOR+"</contact>", "sip:other@example.com</contact>").Replace(servertest.Document(bob.AOR, "open", "three"))}, 200)
	n := d.Next()
	if take(n); copied.Version <= 1 || !strings.Contains(n.Body, "pidf-full") || !strings.Contains(n.Body, "sip:other@example.com") {
		t.Errorf("version %d:\n%s", copied.Version, n.Body)
	}
	r = d.Request(600)
	r.Header = asPartial
	d.Do(a.udp(), r, 200)
	take(d.Next())
}
