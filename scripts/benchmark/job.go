package main

import (
	"fmt"
	"slices"
)

// job is one run of presence-load against a fresh server, in each round.
type job struct {
	name          string
	workload      string   // in workloads/
	targets       []target // in the order in which they are played
	rcvbuf        int      // of the generator, bytes; 0 is the kernel's stock size
	sockets       int      // of the generator; 0 is one
	digest        int      // so many principals have a password; 0 is no authentication
	subscriptions int      // at most, where memory must be set aside
	once          bool     // in the first round alone: long, and steady enough
	past          string   // presenced's [watchers] past; "": the default
	restart       bool     // the server is killed afterwards and started again on its state
	settings      string   // besides those that hold for all
}

const (
	large = 4_000_000 // bytes of receive buffer
	many  = 64        // sockets: phones that come by themselves, where one socket is a proxy before them
)

// password of all principals, where they have one. It guards nothing.
const password = "sesame"

var floorJob = job{name: "floor", workload: "floor", targets: []target{echoTarget}, rcvbuf: large}

// quickJobs take about a minute.
func quickJobs() []job {
	memory := []target{kamailioMemory, ourMemory}
	return []job{
		floorJob,
		{name: "quick", workload: "quick", targets: memory, rcvbuf: large},
		{name: "quick watched", workload: "quick_watched", targets: memory, rcvbuf: large},
	}
}

// fullJobs: stores are the servers that keep state beyond the process, as the
// command line asks for them.
func fullJobs(stores []target) []job {
	memory := []target{kamailioMemory, ourMemory}
	all := append([]target{kamailioMemory, ourMemory, ourFiles}, stores...)
	light := slices.DeleteFunc(slices.Clone(all), func(t target) bool { return t.name == kamailioDB.name }) // which would take minutes
	return []job{
		floorJob,
		{name: "publish", workload: "publish", targets: all, rcvbuf: large},
		{name: "subscribe", workload: "subscribe", targets: all, rcvbuf: large},
		{name: "fanout", workload: "fanout", targets: append(slices.Clone(all), ourRules), rcvbuf: large, settings: "4 MB buffer"},
		{name: "fanout stock", workload: "fanout", targets: memory, settings: "208 kB buffer"},
		{name: "dead", workload: "dead", targets: memory, rcvbuf: large, settings: "each of the dead has a socket besides"},
		{name: "buddies", workload: "buddies", targets: light, rcvbuf: large, settings: "1,000 x 10 watchers"},
		{name: "message", workload: "message", targets: all, rcvbuf: large},
		{name: "digest", workload: "digest", targets: memory, rcvbuf: large, digest: 1000, settings: "MD5, each challenged"},
		{name: "floor sockets", workload: "floor", targets: []target{echoTarget}, rcvbuf: large, sockets: many},
		{name: "sockets", workload: "quick", targets: memory, rcvbuf: large, sockets: many},
		{name: "sockets watched", workload: "quick_watched", targets: memory, rcvbuf: large, sockets: many},
		{name: "login", workload: "login", targets: light, rcvbuf: large, settings: "5,000 with 5 buddies each"},
		{name: "overload", workload: "overload", targets: memory, rcvbuf: large, settings: "50,000 presentities"},
		{name: "overload message", workload: "overload_message", targets: memory, rcvbuf: large, settings: "50,000 inboxes"},
		{name: "overload subscribe", workload: "overload_subscribe", targets: memory, rcvbuf: large, settings: "50,000 dialogs, refreshed, with NOTIFYs"},
		{name: "overload register", workload: "overload_register", targets: memory, rcvbuf: large, settings: "50,000 inboxes"},
		{name: "memory", workload: "memory50k", targets: memory, rcvbuf: large, once: true, subscriptions: 50_000},
		{name: "memory 500k", workload: "memory500k", targets: memory, rcvbuf: large, once: true, subscriptions: 500_000, past: "0s", settings: "past = \"0s\""},
		{name: "past 500k", workload: "memory500k", targets: []target{ourMemory}, rcvbuf: large, once: true, settings: "past by default, 24 h"},
		{name: "idle", workload: "idle", targets: []target{ourFiles}, rcvbuf: large, once: true, restart: true},
	}
}

// conditions are what the job's rows have in common, for the table.
func (j job) conditions() string {
	if j.sockets > 1 {
		return join(fmt.Sprintf("%d sockets", j.sockets), j.settings)
	}
	return join("1 socket", j.settings)
}
