package main

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// cost is an outcome with one phase, which took so many us an operation.
func cost(us float64) *outcome {
	p := &phase{CPU: us}
	p.Phase.Name = "changed"
	return &outcome{Phases: []*phase{p}}
}

func TestPartsAreOneTable(t *testing.T) {
	published := row{name: "PUBLISH", job: "publish", unit: "us", of: cpu("changed"), least: 5, aim: 9}
	first := &part{Rounds: 2, Seconds: 1, Plays: []play{
		{"publish", "Kamailio", 0, cost(100)}, {"publish", "presenced", 0, cost(10)},
		{"publish", "Kamailio", 1, cost(80)}, {"publish", "presenced", 1, &outcome{Failed: "it fell over"}},
	}}
	again := &part{Rounds: 1, Seconds: 3, Plays: []play{{"publish", "Kamailio", 0, cost(60)}, {"publish", "presenced", 0, cost(10)}}}
	beside := &part{Rounds: 1, Plays: []play{{"publish", "with files", 0, cost(12)}, {"login", "presenced", 0, &outcome{Failed: "no port"}}}}

	r := gather(saved(t, first, again, beside))
	if got := r.values(published, ourMemory); len(got) != 3 || got[0] != 10 || !math.IsNaN(got[1]) || got[2] != 10 {
		t.Errorf("presenced by round: %v", got)
	}
	lines := r.tabulate([]row{published, {name: "login", job: "login", unit: "us", of: cpu("login")}, {name: "not played", job: "idle"}}, nil).lines
	for i, want := range []string{
		"PUBLISH||80.0 us|10.0 us|8.0x (6.0-10.0)|5x / 9x|ok|12.0 us (1.20x)",
		"login|||failed (2)||||",
	} {
		if strings.Join(lines[i], "|") != want {
			t.Errorf("%q, want %q", strings.Join(lines[i], "|"), want)
		}
	}
	if len(lines) != 2 {
		t.Errorf("%d lines", len(lines))
	}
	if want := "1 to 2 rounds of 0 to 3 s"; !strings.HasPrefix(r.rounds(), want) {
		t.Errorf("%q, want %q", r.rounds(), want)
	}
	if !slices.Contains(r.failures, "publish, presenced, round 2: it fell over") {
		t.Errorf("%q", r.failures)
	}
}

func TestFigureWithoutAnotherJobs(t *testing.T) {
	w := row{name: "past", job: "past", without: "memory", unit: "us", of: cpu("changed"), on: &ourMemory, atMost: 3}
	with := play{"past", "presenced", 0, cost(10)}
	for _, c := range []struct {
		about string
		plays []play
		want  string
	}{
		{"both were played", []play{with, {"memory", "presenced", 0, cost(8)}}, "past|||2.00 us||at most 3|ok"},
		{"too much", []play{with, {"memory", "presenced", 0, cost(6)}}, "past|||4.00 us||at most 3|MISSED"},
		{"there is nothing to take off", []play{with}, "past|||||at most 3|NOT MEASURED"},
	} {
		lines := gather([]*part{{Rounds: 1, Plays: c.plays}}).tabulate([]row{w}, nil).lines
		if len(lines) != 1 || strings.Join(lines[0], "|") != c.want {
			t.Errorf("%s: %q", c.about, lines)
		}
	}
}

// saved are parts that went through files.
func saved(t *testing.T, parts ...*part) []*part {
	t.Helper()
	var paths []string
	for i, p := range parts {
		p.Began = time.Date(2026, 1, 1+i, 9, 0, 0, 0, time.UTC)
		path := filepath.Join(t.TempDir(), "part.json")
		if err := p.save(path); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	back, err := readParts(strings.Join(paths, ","))
	if err != nil {
		t.Fatal(err)
	}
	return back
}

func TestServersThatWereLeftOut(t *testing.T) {
	bound := row{name: "PUBLISH", job: "publish", unit: "us", of: cpu("changed"), least: 5, aim: 9}
	for _, c := range []struct {
		about string
		plays []play
		want  string
	}{
		{"without Kamailio there is no verdict", []play{{"publish", "presenced", 0, cost(10)}}, ""},
		{"without presenced neither", []play{{"publish", "Kamailio", 0, cost(10)}}, ""},
		{"one that failed was not measured", []play{{"publish", "presenced", 0, cost(10)}, {"publish", "Kamailio", 0, &outcome{Failed: "no port"}}}, "NOT MEASURED"},
	} {
		cells, fails := gather([]*part{{Plays: c.plays}}).line(bound, "")
		if cells[6] != c.want || fails != (c.want != "") {
			t.Errorf("%s: %q, %v", c.about, cells[6], fails)
		}
	}
}

func TestJobsAndServersAreChosen(t *testing.T) {
	for _, c := range []struct {
		about   string
		s       settings
		want    string // job and number of servers
		refused string
	}{
		{"all", settings{quick: true}, "floor 1 quick 2 quick watched 2", ""},
		{"some jobs", settings{only: "message,idle"}, "message 3 idle 1", ""},
		{"with more servers", settings{only: "message", db: true, redis: true}, "message 5", ""},
		{"some servers", settings{only: "message,memory", on: "presenced,files"}, "message 2 memory 1", ""},
		{"a job that is none", settings{only: "message,massage"}, "", `no job "massage"`},
		{"a server that was not asked for", settings{only: "message", on: "Redis"}, "", `no server`},
	} {
		jobs, err := c.s.jobs()
		var got []string
		for _, j := range jobs {
			got = append(got, j.name, string(rune('0'+len(j.targets))))
		}
		if strings.Join(got, " ") != c.want || (err == nil) != (c.refused == "") || err != nil && !strings.Contains(err.Error(), c.refused) {
			t.Errorf("%s: %v, %v", c.about, got, err)
		}
	}
}
