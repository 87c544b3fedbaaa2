package main

import (
	"fmt"
	"math"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"

	"presenced/policy"
)

func TestEveryRowHasItsPhases(t *testing.T) {
	for name, plan := range map[string]struct {
		jobs []job
		rows []row
	}{
		"quick": {quickJobs(), quickRows},
		"full":  {fullJobs(nil), append(fullRows, redisRow)},
	} {
		byName := map[string]job{}
		for _, j := range plan.jobs {
			if _, err := workloads.ReadFile("workloads/" + j.workload + ".toml"); err != nil {
				t.Errorf("%s: job %q: %v", name, j.name, err)
			}
			byName[j.name] = j
		}
		for _, r := range plan.rows {
			j, ok := byName[r.job]
			if !ok {
				t.Errorf("%s: row %q is of an unknown job %q", name, r.name, r.job)
				continue
			}
			if v := r.of(played(t, j)); math.IsNaN(v) {
				t.Errorf("%s: row %q names no phase of %s.toml", name, r.name, j.workload)
			}
		}
	}
}

// played is an outcome in which every phase of a job has every figure.
func played(t *testing.T, j job) *outcome {
	t.Helper()
	text, err := os.ReadFile("workloads/" + j.workload + ".toml")
	if err != nil {
		t.Fatal(err)
	}
	var workload struct {
		Phase []struct{ Name string }
	}
	if err := toml.Unmarshal([]byte(strings.ReplaceAll(string(text), "@SECONDS@", "1")), &workload); err != nil {
		t.Fatal(err)
	}
	heap := 1.0
	o := &outcome{Helpers: []int{7}, Again: 1}
	for _, w := range workload.Phase {
		p := &phase{Seconds: 1, Rate: 1, Finished: 1, CPU: 1, PerNote: 1, Cores: 1, Probe: &heap}
		p.Phase.Name = w.Name
		p.Operations = make([]operation, 1)
		for _, name := range []string{"answer", "answer on the wire", "notify", "notify on the wire", "last notify"} {
			p.Operations[0].Latency = append(p.Operations[0].Latency, step{Step: name, P50: 1, P99: 1})
		}
		o.Phases = append(o.Phases, p)
	}
	return o
}

func TestVerdict(t *testing.T) {
	none := spreadOf(nil)
	bound := row{least: 5, aim: 9}
	for _, c := range []struct {
		about string
		row   row
		ratio []float64
		ours  []float64
		want  string
		fails bool
	}{
		{"the best round is under", bound, []float64{4, 4.9}, nil, "BELOW", true},
		{"one round is not", bound, []float64{4, 4, 5.1}, nil, "at times", false},
		{"the median is not", bound, []float64{4, 6, 7}, nil, "ok", false},
		{"the median is at the aim", bound, []float64{4, 9, 10}, nil, "ok, aim", false},
		{"nothing came", bound, []float64{math.NaN()}, nil, "NOT MEASURED", true},
		{"every round is over", row{atMost: 2}, nil, []float64{2.1, 3}, "MISSED", true},
		{"one is not", row{atMost: 2}, nil, []float64{1.9, 3, 3}, "at times", false},
		{"goodput", row{atLeast: 80}, nil, []float64{79, 70}, "MISSED", true},
		{"no bound", row{}, []float64{0.5}, nil, "", false},
	} {
		got, fails := c.row.verdict(spreadOf(c.ratio), spreadOf(c.ours))
		if got != c.want || fails != c.fails {
			t.Errorf("%s: %q, %v", c.about, got, fails)
		}
	}
	if !none.none() {
		t.Error("a spread of nothing is something")
	}
}

func TestConditionsSaySockets(t *testing.T) {
	for want, j := range map[string]job{
		"1 socket":                {},
		"1 socket, 4 MB buffer":   {settings: "4 MB buffer"},
		"64 sockets, MD5 as well": {sockets: 64, settings: "MD5 as well"},
	} {
		if got := j.conditions(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestSpreadIsOfRounds(t *testing.T) {
	got := spreadOf(ratios([]float64{10, math.NaN(), 30, 80}, []float64{5, 1, 10, 20}))
	if want := (spread{3, 2, 4}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestRulesAreReadAndAllowEverybody(t *testing.T) {
	r, err := policy.ParseRules([]byte(rules()))
	if err != nil {
		t.Fatal(err)
	}
	views := map[string]bool{}
	for n := range 100 {
		p := r.Evaluate(policy.Watcher{URI: fmt.Sprintf("sip:u%08d@127.0.0.1", n)}, policy.Context{})
		if p.Handling != policy.Allow {
			t.Fatalf("u%08d: %v", n, p.Handling)
		}
		views[p.Key()] = true
	}
	if len(views) != 4 {
		t.Errorf("%d views", len(views))
	}
}

func TestWhatItCostsMore(t *testing.T) {
	got := spreadOf(differences([]float64{10, math.NaN(), 30, 5}, []float64{5, 1, 10}))
	if want := (spread{12.5, 5, 20}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestEchoAnswersInPlace(t *testing.T) {
	request := "REGISTER sip:127.0.0.1 SIP/2.0\r\nCSeq: 1 REGISTER\r\n\r\n"
	if got := string(ok([]byte(request))); got != "SIP/2.0 200 OK\r\nCSeq: 1 REGISTER\r\n\r\n" {
		t.Errorf("%q", got)
	}
	for _, not := range []string{"", "short\r\n", "SIP/2.0 200 OK it is\r\n\r\n", "no line"} {
		if got := ok([]byte(not)); got != nil {
			t.Errorf("%q is answered %q", not, got)
		}
	}
}

func TestKamailioLinesByMark(t *testing.T) {
	text := choose(kamailioTemplate, map[string]bool{"memory": true})
	for want, found := range map[string]bool{`"db_mode", 0`: true, "db_mysql": false, "www_challenge": false, "\n@": false} {
		if strings.Contains(text, want) != found {
			t.Errorf("%q: %v, want %v", want, !found, found)
		}
	}
}

func TestConfigurationOfThePast(t *testing.T) {
	addr := netip.MustParseAddrPort("127.0.0.1:5070")
	for past, want := range map[string]bool{"0s": true, "": false} {
		c := (agent{sip: addr, http: addr}).configuration("f", job{past: past, digest: 1})
		var read struct {
			Watchers map[string]string
		}
		if err := toml.Unmarshal([]byte(c), &read); err != nil || (read.Watchers["past"] == "0s") != want {
			t.Errorf("%q: %v\n%s", past, err, c)
		}
	}
}

func TestConfigurationOfPrincipals(t *testing.T) {
	addr := netip.MustParseAddrPort("127.0.0.1:5070")
	if c := (agent{sip: addr, http: addr}).configuration("f", job{digest: 2}); strings.Count(c, "[[principal]]") != 2 || !strings.Contains(c, "u00000001@") {
		t.Errorf("%s", c)
	}
	if c := (agent{sip: addr, http: addr}).configuration("f", job{}); strings.Contains(c, "digest") {
		t.Errorf("%s", c)
	}
}
