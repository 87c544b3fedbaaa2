package main

import (
	"strings"
	"testing"

	"presenced/pidf"
)

func TestPermanentPresence(t *testing.T) {
	l := newLibrary(t)
	const path = "/xcap-root/pidf-manipulation/users/sip:alice@localhost/index"
	run := func(line string) *session { return l.run(t, strings.Fields(line)...) }
	run("publish alice@localhost --permanent").expect(t, exitDone, "",
		"messenger: alice@localhost has no permanent publications: what devices publish counts alone\n")
	run("publish alice@localhost closed --permanent --note gone --activity vacation").expect(t, exitDone,
		"12:03:04 stored: alice@localhost is closed, \"gone\", vacation, whenever no device says otherwise\n", "")
	document, err := pidf.Parse([]byte(l.document(path)))
	if err != nil {
		t.Fatal(err)
	}
	if p := document.Presence(); p.Entity != "sip:alice@localhost" || p.Tuples[0].Status != pidf.Closed {
		t.Errorf("stored %+v", p)
	}
	run("publish alice@localhost --permanent").expect(t, exitDone, "alice@localhost is closed, \"gone\", vacation\n", "")
	run("publish alice@localhost --permanent --json").expect(t, exitDone,
		`{"time":"2026-01-02T12:03:04Z","event":"presence","presentity":"sip:alice@localhost","status":"closed","notes":["gone"],"activities":["vacation"],`+
			`"tuples":[{"id":"`+document.Presence().Tuples[0].ID+`","status":"closed","contact":"sip:alice@localhost"}],"type":"pidf-manipulation"}`+"\n", "")
	run("publish alice@localhost --permanent --document").expect(t, exitDone, l.document(path), "")
	run("publish alice@localhost --permanent --delete").expect(t, exitDone,
		"12:03:04 the permanent publications of alice@localhost are deleted: what devices publish counts alone\n", "")
	if l.document(path) != "" {
		t.Error("it is not deleted")
	}
}
