package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// machine is what all processes together did.
type machine struct {
	busy   time.Duration // all CPUs
	stolen time.Duration // what all CPUs had to wait for the hypervisor
	drops  map[int]int   // by UDP port: datagrams for which its receive buffer had no room
}

func readMachine(proc string) machine {
	m := machine{drops: map[int]int{}}
	if data, err := os.ReadFile(filepath.Join(proc, "stat")); err == nil {
		m.busy, m.stolen = busyTime(data)
	}
	for _, name := range []string{"udp", "udp6"} {
		if data, err := os.ReadFile(filepath.Join(proc, "net", name)); err == nil {
			addDrops(m.drops, data)
		}
	}
	return m
}

// busyTime reads the first line of proc_stat(5): busy is all but idle, iowait
// and steal. Guests' time is in user's already.
func busyTime(data []byte) (busy, stolen time.Duration) {
	const idle, iowait, steal = 4, 5, 8
	line, _, _ := bytes.Cut(data, []byte("\n"))
	fields := strings.Fields(string(line))
	for i, field := range fields {
		if i == 0 || i == idle || i == iowait || i > steal {
			continue
		}
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, 0
		}
		if i == steal {
			stolen = time.Duration(n) * tick
		} else {
			busy += time.Duration(n) * tick
		}
	}
	return busy, stolen
}

// addDrops reads the table of UDP sockets: the local port is in hex, the drops stand last.
func addDrops(drops map[int]int, data []byte) {
	for line := range bytes.Lines(data) {
		fields := strings.Fields(string(line))
		if len(fields) < 13 {
			continue
		}
		_, hex, _ := strings.Cut(fields[1], ":")
		port, err := strconv.ParseUint(hex, 16, 16)
		if err != nil {
			continue
		}
		if n, err := strconv.Atoi(fields[len(fields)-1]); err == nil {
			drops[int(port)] += n
		}
	}
}

// lost says how many datagrams the server's and our sockets dropped since.
func (g *generator) lost(before, after machine) (atServer, atOurs int) {
	server, err := parseAddress(g.set.Server)
	if err != nil || server.proto != "udp" {
		return 0, 0
	}
	since := func(port uint16) int { return max(after.drops[int(port)]-before.drops[int(port)], 0) }
	for _, l := range g.links {
		if own, err := netip.ParseAddrPort(l.local()); err == nil {
			atOurs += since(own.Port())
		}
	}
	return since(server.to.Port()), atOurs
}

// noise tells of what others did with the CPUs meanwhile: the machine's, and
// those on the same host.
func noise(others, stolen float64) string {
	var s string
	if others >= 0.1 {
		s = fmt.Sprintf(" Noisy: other processes used %.2f CPUs.", others)
	}
	if stolen >= 0.01 {
		s += fmt.Sprintf(" Noisy: the hypervisor took %.2f CPUs.", stolen)
	}
	return s
}
