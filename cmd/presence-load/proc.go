package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// server is the processes that serve, as /proc shows them.
type server struct {
	proc string // "/proc"
	pids []int  // given, or found by name
	all  []int  // with their descendants

	latest atomic.Pointer[usage]
}

// reading is what /proc says at one moment. It takes up to some milliseconds:
// not the loop's.
type reading struct {
	server  usage
	machine machine
	own     time.Duration // CPU
}

func (s *server) reading() reading {
	return reading{s.read(), readMachine(s.proc), ownCPU()}
}

// watch reads the server's usage, more often than it is shown, until ctx ends.
func (s *server) watch(ctx context.Context) {
	tick := time.NewTicker(400 * time.Millisecond)
	defer tick.Stop()
	for {
		u := s.read()
		s.latest.Store(&u)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// usage is what processes have used. Times are since their start.
type usage struct {
	CPU   time.Duration `json:"cpu_ns"`
	RSS   int64         `json:"rss_bytes"`           // VmRSS, summed: memory that is shared counts each time
	Peak  int64         `json:"peak_bytes"`          // VmHWM, summed
	PSS   int64         `json:"pss_bytes,omitempty"` // shared memory counts once
	Procs int           `json:"processes"`

	Each map[int]time.Duration `json:"cpu_ns_by_process"`

	at time.Time
}

// since is the CPU time used since an earlier reading, by the processes that
// still are there.
func (u usage) since(earlier usage) time.Duration {
	var sum time.Duration
	for pid, cpu := range u.Each {
		sum += cpu - earlier.Each[pid]
	}
	return sum
}

// cores are the CPUs in use since an earlier reading.
func (u usage) cores(since usage) float64 {
	if !u.at.After(since.at) {
		return 0
	}
	return u.since(since).Seconds() / u.at.Sub(since.at).Seconds()
}

// findServer takes PIDs ("12,34") or a command's name.
func findServer(proc, pids, name string) (*server, error) {
	s := &server{proc: proc}
	for _, field := range strings.FieldsFunc(pids, func(r rune) bool { return r == ',' || r == ' ' }) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			return nil, fmt.Errorf("--server-pid %q is no number", field)
		}
		s.pids = append(s.pids, pid)
	}
	processes, err := s.processes()
	if err != nil {
		return nil, err
	}
	for _, p := range processes {
		if name != "" && p.name == name {
			s.pids = append(s.pids, p.pid)
		}
	}
	if name != "" && len(s.pids) == 0 {
		return nil, fmt.Errorf("no process is called %q", name)
	}
	for _, pid := range s.pids {
		if _, err := os.Stat(filepath.Join(proc, strconv.Itoa(pid))); err != nil {
			return nil, fmt.Errorf("process %d: %w", pid, err)
		}
	}
	s.adopt(processes)
	return s, nil
}

// adopt adds the descendants.
func (s *server) adopt(processes []process) {
	ours := map[int]bool{}
	for _, pid := range s.pids {
		ours[pid] = true
	}
	for grown := true; grown; {
		grown = false
		for _, p := range processes {
			if ours[p.parent] && !ours[p.pid] {
				ours[p.pid], grown = true, true
			}
		}
	}
	s.all = s.all[:0]
	for pid := range ours {
		s.all = append(s.all, pid)
	}
}

func (s *server) read() usage {
	u := usage{Each: make(map[int]time.Duration, len(s.all))}
	for _, pid := range s.all {
		dir := filepath.Join(s.proc, strconv.Itoa(pid))
		rss, peak, err := readStatus(dir)
		if err != nil || rss == 0 { // it has ended; a zombie has no memory
			continue
		}
		u.Procs++
		u.RSS += rss
		u.Peak += peak
		u.Each[pid] = readCPU(dir)
		u.CPU += u.Each[pid]
	}
	u.at = time.Now()
	return u
}

// readShared is read with the memory that processes share divided among them.
// The kernel walks all pages: only between phases.
func (s *server) readShared() usage {
	u := s.read()
	for _, pid := range s.all {
		data, err := os.ReadFile(filepath.Join(s.proc, strconv.Itoa(pid), "smaps_rollup"))
		if err == nil {
			u.PSS += kilobytes(data, "Pss:")
		}
	}
	return u
}

type process struct {
	pid, parent int
	name        string
	cpu         time.Duration // in clock ticks of 10 ms
}

func (s *server) processes() ([]process, error) {
	entries, err := os.ReadDir(s.proc)
	if err != nil {
		return nil, err
	}
	var all []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if p, err := readStat(filepath.Join(s.proc, e.Name())); err == nil {
			p.pid = pid
			all = append(all, p)
		}
	}
	return all, nil
}

// tick is the unit of /proc's times: USER_HZ is 100 on every Linux of today.
const tick = time.Second / 100

// readStat reads proc_pid_stat(5). The name stands in parentheses and may hold any byte.
func readStat(dir string) (process, error) {
	data, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return process{}, err
	}
	open, end := bytes.IndexByte(data, '('), bytes.LastIndexByte(data, ')')
	if open < 0 || end < open {
		return process{}, fmt.Errorf("%s/stat: no name", dir)
	}
	fields := strings.Fields(string(data[end+1:]))
	if len(fields) < 13 {
		return process{}, fmt.Errorf("%s/stat: too short", dir)
	}
	var n [3]int
	for i, at := range []int{1, 11, 12} { // ppid, utime, stime
		if n[i], err = strconv.Atoi(fields[at]); err != nil {
			return process{}, fmt.Errorf("%s/stat: %w", dir, err)
		}
	}
	return process{parent: n[0], name: string(data[open+1 : end]), cpu: time.Duration(n[1]+n[2]) * tick}, nil
}

// readCPU sums the threads' time on a CPU in ns; where the kernel does not
// tell, or more was used by threads that have ended, the process' in ticks.
func readCPU(dir string) time.Duration {
	var sum time.Duration
	threads, err := filepath.Glob(filepath.Join(dir, "task", "*", "schedstat"))
	if err == nil {
		for _, path := range threads {
			data, err := os.ReadFile(path)
			if err != nil {
				continue
			}
			first, _, _ := bytes.Cut(data, []byte(" "))
			if ns, err := strconv.ParseInt(string(first), 10, 64); err == nil {
				sum += time.Duration(ns)
			}
		}
	}
	const rounding = 50 * time.Millisecond
	if p, err := readStat(dir); err == nil && p.cpu > sum+rounding {
		return p.cpu
	}
	return sum
}

func readStatus(dir string) (rss, peak int64, err error) {
	data, err := os.ReadFile(filepath.Join(dir, "status"))
	return kilobytes(data, "VmRSS:"), kilobytes(data, "VmHWM:"), err
}

// kilobytes finds a line such as "VmRSS:   1752 kB" and returns bytes.
func kilobytes(data []byte, name string) int64 {
	for line := range bytes.Lines(data) {
		if rest, found := bytes.CutPrefix(line, []byte(name)); found {
			return int64(number(rest)) << 10
		}
	}
	return 0
}

// ownCPU is what this process has used.
func ownCPU() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
