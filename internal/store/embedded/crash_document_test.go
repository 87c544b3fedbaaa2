package embedded

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"presenced/internal/store"
)

// writeUntilKilled has each worker put a document on condition that it is the
// one it has put last, and visit, and then print "worker tag".
func writeUntilKilled(path, life string) {
	e, err := open(Config{Path: path}, files{openForAppending, 1 << 14})
	if err != nil {
		fmt.Println("cannot open:", err)
		os.Exit(1)
	}
	for w := range crashWorkers {
		go func() {
			if err := writeForEver(e, fmt.Sprint(w), life); err != nil {
				fmt.Println("failed:", err)
				os.Exit(1)
			}
		}()
	}
	select {}
}

func writeForEver(e *Engine, worker, life string) error {
	ctx, key, match := context.Background(), crashKey(worker), store.MatchAny
	for i := 0; ; i++ {
		d := store.Document{AOR: key.AOR, Name: "pres-rules", Tag: fmt.Sprint(life, "-", i), Body: make([]byte, 2000)}
		if err := e.PutDocument(ctx, d, match); err != nil {
			return err
		}
		v := store.Visit{Watcher: "w", Fetches: 1, Last: 0, TTL: time.Hour, Ended: []store.Ended{{ID: d.Tag}}}
		if err := e.Visit(ctx, key, v, 10); err != nil {
			return err
		}
		fmt.Println(worker, d.Tag)
		match = d.Tag
	}
}

// TestKillLosesNoDocumentAndNoVisit kills a process that writes both again and
// again, and reads what is left.
func TestKillLosesNoDocumentAndNoVisit(t *testing.T) {
	path := t.TempDir()
	answered := make(map[string]int) // by worker, in all lives
	for life := range 5 {
		name := fmt.Sprint("documents", life)
		last := killedPublisher(t, path, name, time.Duration(150+life*37)*time.Millisecond)
		if len(last) == 0 {
			t.Fatal("nobody was answered")
		}
		e := openTest(t, Config{Path: path})
		if names := filesAside(t, path); names != nil {
			t.Fatalf("set aside %q", names)
		}
		for worker, lines := range last {
			answered[worker] += lines.count
			checkWritten(t, e, worker, name, lines.tag, answered[worker])
		}
		must(t, e.Close())
	}
	t.Logf("answered %v, none lost", answered)
}

// checkWritten allows for the one round of a worker that was not answered.
func checkWritten(t *testing.T, e *Engine, worker, life, tag string, visits int) {
	t.Helper()
	var index, stored int
	if _, err := fmt.Sscanf(tag, life+"-%d", &index); err != nil {
		t.Fatal(err)
	}
	d, err := e.Document(t.Context(), crashKey(worker).AOR, "pres-rules")
	must(t, err)
	if _, err := fmt.Sscanf(d.Tag, life+"-%d", &stored); err != nil {
		t.Fatalf("%s: answered %s, stored %q: %v", worker, tag, d.Tag, err)
	}
	if stored < index || stored > index+1 || len(d.Body) != 2000 {
		t.Fatalf("%s: answered %d, stored %d", worker, index, stored)
	}
	w, err := e.Watchers(t.Context(), crashKey(worker))
	must(t, err)
	if len(w.Visits) != 1 || int(w.Visits[0].Fetches) < visits {
		t.Fatalf("%s: %d visits answered, stored %+v", worker, visits, w.Visits)
	}
}
