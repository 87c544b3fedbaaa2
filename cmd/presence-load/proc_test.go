package main

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"
)

func TestProcFiles(t *testing.T) {
	proc := t.TempDir()
	write := func(path, content string) {
		t.Helper()
		path = filepath.Join(proc, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const tail = " 0 0 0 -1 0 0 0 0 0 150 50 0 0 20"
	write("10/stat", "10 (a (odd) name) S 1"+tail)
	write("10/status", "Name:\tx\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n")
	write("10/smaps_rollup", "00-ff ---p [rollup]\nRss: 1024 kB\nPss:  512 kB\nPss_Dirty: 7 kB\n")
	write("11/stat", "11 (a (odd) name) S 10"+tail)
	write("11/status", "VmHWM:\t1 kB\nVmRSS:\t1 kB\n")
	write("11/task/11/schedstat", "2500000000 7 8\n")
	write("11/task/12/schedstat", "500000000 7 8\n")
	write("12/stat", "12 (other) S 1"+tail)

	s, err := findServer(proc, "10", "")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(s.all)
	if !slices.Equal(s.all, []int{10, 11}) {
		t.Errorf("processes %v, want 10 and its child 11", s.all)
	}
	u := s.readShared()
	want := usage{CPU: 5 * time.Second, RSS: 1025 << 10, Peak: 2049 << 10, PSS: 512 << 10, Procs: 2,
		Each: map[int]time.Duration{10: 2 * time.Second, 11: 3 * time.Second}, at: u.at}
	if !reflect.DeepEqual(u, want) {
		t.Errorf("%+v, want %+v", u, want)
	}
	if s, err := findServer(proc, "", "a (odd) name"); err != nil || len(s.all) != 2 {
		t.Errorf("by name: %v, %v", s, err)
	}
	for _, bad := range [][2]string{{"x", ""}, {"99", ""}, {"", "nobody"}} {
		if _, err := findServer(proc, bad[0], bad[1]); err == nil {
			t.Errorf("%v is found", bad)
		}
	}
	if s, err := findServer(proc, "", ""); err != nil || s.read().Procs != 0 {
		t.Errorf("no server: %v, %v", s, err)
	}
}

func TestOwnProcess(t *testing.T) {
	if ownCPU() <= 0 {
		t.Error("this process has used no CPU")
	}
	if cpu := readCPU("/proc/self"); cpu <= 0 {
		t.Error("/proc/self has used no CPU")
	}
}

func TestCoresAreOfTheTimeBetweenReadings(t *testing.T) {
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	used := func(each ...time.Duration) map[int]time.Duration {
		all := map[int]time.Duration{}
		for pid, cpu := range each {
			all[pid] = cpu
		}
		return all
	}
	before := usage{Each: used(time.Second, time.Second), at: noon}
	if got := (usage{Each: used(3*time.Second, 2*time.Second), at: noon.Add(2 * time.Second)}).cores(before); got != 1.5 {
		t.Errorf("%v CPUs, want 1.5", got)
	}
	if got := (usage{Each: used(3 * time.Second), at: noon.Add(2 * time.Second)}).cores(before); got != 1 {
		t.Errorf("one of two has ended: %v CPUs, want 1", got)
	}
	if got := before.cores(before); got != 0 {
		t.Errorf("of no time: %v", got)
	}
}
