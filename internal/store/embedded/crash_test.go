package embedded

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"presenced/internal/store"
)

// crashPath, when set, makes the test binary a publisher that is to be killed.
const crashPath = "PRESENCED_TEST_CRASH_PATH"

func TestMain(m *testing.M) {
	if path, life := os.Getenv(crashPath), os.Getenv(crashPath+"_LIFE"); strings.HasPrefix(life, "documents") {
		writeUntilKilled(path, life)
	} else if path != "" {
		publishUntilKilled(path, life)
	}
	os.Exit(m.Run())
}

const crashWorkers = 16

func crashKey(worker string) store.Key {
	return store.Key{AOR: "sip:w" + worker + "@example.com", Package: "presence"}
}

// publishUntilKilled keeps one publication a worker, modifies it without end,
// and prints "worker tag" once the store has answered. A second publication,
// added and removed again, must never be found after "worker -" was printed
// and before the next line.
func publishUntilKilled(path, life string) {
	e, err := open(Config{Path: path}, files{openForAppending, 1 << 20})
	if err != nil {
		fmt.Println("cannot open:", err)
		os.Exit(1)
	}
	for w := range crashWorkers {
		go func() {
			if err := publishForEver(e, fmt.Sprint(w), life); err != nil {
				fmt.Println("failed:", err)
				os.Exit(1)
			}
		}()
	}
	select {}
}

func publishForEver(e *Engine, worker, life string) error {
	key := crashKey(worker)
	body := []byte(strings.Repeat("x", 3000))
	match := ""
	for i := 0; ; i++ {
		tag := fmt.Sprint(life, "-", i)
		p := store.Publication{ID: life, Tag: tag, Body: body, TTL: time.Hour}
		if err := publishOnce(e, key, store.Publish{IfMatch: match, Publication: p}); err != nil {
			return err
		}
		fmt.Println(worker, tag)
		match = tag
		extra := store.Publication{ID: "extra" + tag, Tag: "extra" + tag, Body: body, TTL: time.Hour}
		if err := publishOnce(e, key, store.Publish{Publication: extra}); err != nil {
			return err
		}
		if err := publishOnce(e, key, store.Publish{IfMatch: extra.Tag}); err != nil {
			return err
		}
		fmt.Println(worker, "-")
	}
}

func publishOnce(e *Engine, key store.Key, p store.Publish) error {
	return e.Publish(context.Background(), key, p)
}

// TestKillLosesNothingThatWasAnswered kills a publishing process again and
// again, while its log is compacted all the time, and reads what is left.
func TestKillLosesNothingThatWasAnswered(t *testing.T) {
	path := t.TempDir()
	answered := 0
	for life := range 8 {
		last := killedPublisher(t, path, fmt.Sprint("life", life), time.Duration(150+life*37)*time.Millisecond)
		e := openTest(t, Config{Path: path})
		if names := filesAside(t, path); names != nil {
			t.Fatalf("set aside %q", names)
		}
		for worker, lines := range last {
			answered += lines.count
			checkAnswered(t, e, worker, fmt.Sprint("life", life), lines)
		}
		if len(last) != crashWorkers {
			t.Fatalf("%d workers were answered", len(last))
		}
		must(t, e.Close())
	}
	t.Logf("%d calls answered before the kills, none lost", answered)
}

type answers struct {
	tag     string
	removed bool // nothing but tag was there when the last line was printed
	count   int
}

// checkAnswered allows for the one call of a worker that was not answered.
func checkAnswered(t *testing.T, e *Engine, worker, life string, last *answers) {
	t.Helper()
	got, err := e.Publications(t.Context(), crashKey(worker))
	must(t, err)
	var index, stored int
	if _, err := fmt.Sscanf(last.tag, life+"-%d", &index); err != nil {
		t.Fatal(err)
	}
	extras, found := 0, false
	for _, p := range got.List {
		if strings.HasPrefix(p.ID, "extra"+life) {
			extras++
		}
		if p.ID == life {
			found = true
			if _, err := fmt.Sscanf(p.Tag, life+"-%d", &stored); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !found || stored < index || stored > index+1 || extras > 1 || last.removed && extras > 0 {
		t.Fatalf("worker %s: answered %+v, found %d (%v) and %d extra ones", worker, *last, stored, found, extras)
	}
}

// killedPublisher runs a publisher for a while, kills it, and returns the last
// complete line of each of its workers.
func killedPublisher(t *testing.T, path, life string, lifetime time.Duration) map[string]*answers {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashPath+"="+path, crashPath+"_LIFE="+life)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	last := make(map[string]*answers)
	var once sync.Once
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // the last line may be torn: it does not count
		}
		once.Do(func() { time.AfterFunc(lifetime, func() { cmd.Process.Kill() }) })
		worker, what, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || strings.HasSuffix(worker, ":") || worker == "cannot" {
			t.Fatalf("the publisher said %q", line)
		}
		if last[worker] == nil {
			last[worker] = &answers{}
		}
		last[worker].count++
		if last[worker].removed = what == "-"; !last[worker].removed {
			last[worker].tag = what
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the publisher ended by itself")
	}
	return last
}
