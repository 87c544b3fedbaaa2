package main

import "math"

// row is a line of the table: one figure of a job.
type row struct {
	name       string
	job        string
	unit       string
	of         figure
	least, aim float64 // ratio of Kamailio to ours, from the design; 0: none
	atMost     float64 // of ours, in the unit; 0: none
	atLeast    float64 // the same
	settings   string  // besides the job's
	on         *target // the only one that it is about; nil: Kamailio and ours in memory
	against    *target // the figure is a ratio to this one's
	beyond     *target // the figure is how much more it is than this one's
	without    string  // job whose figure is taken off
	apart      bool    // the load is of each server's own capacity: no ratio
}

// figure is NaN where there is none.
type figure func(*outcome) float64

// floorRows are of the kernel alone. The last has as many datagrams as the
// buddy lists at half load: what of their p99 is the machine's.
var floorRows = []row{
	{name: "bare echo", job: "floor", on: &echoTarget, unit: "us", of: cpu("saturated"), settings: "100 in flight"},
	{name: "bare echo at 5,000/s", job: "floor", on: &echoTarget, unit: "us", of: cpu("rated")},
	{name: "bare echo at 45,000/s: p99", job: "floor", on: &echoTarget, unit: "ms", of: latency("many", "answer on the wire", 99), settings: "sent to arrived, by the kernel"},
	{name: "bare echo at 45,000/s: taken by the hypervisor meanwhile", job: "floor", on: &echoTarget, unit: "CPUs", of: stolen("many")},
}

var quickRows = append(floorRows,
	row{name: "PUBLISH, changed", job: "quick", unit: "us", of: cpu("changed"), least: 5, aim: 9, settings: "100 in flight"},
	row{name: "PUBLISH, refresh", job: "quick", unit: "us", of: cpu("refresh"), least: 5.5, aim: 8.5, settings: "100 in flight"},
	row{name: "SUBSCRIBE, initial", job: "quick watched", unit: "us", of: cpu("initial"), least: 5, aim: 8, settings: "100 in flight, with its NOTIFY"},
	row{name: "NOTIFY, fan-out to 1,000", job: "quick watched", unit: "us", of: perNotify("1000"), least: 6.5, aim: 10, settings: "4 MB buffer"},
	row{name: "MESSAGE", job: "quick", unit: "us", of: cpu("message"), least: 3.5, aim: 5.5, settings: "relayed and answered"},
	row{name: "REGISTER", job: "quick", unit: "us", of: cpu("register"), least: 2.6, aim: 4},
)

var fullRows = append(floorRows, []row{
	{name: "PUBLISH, initial", job: "publish", unit: "us", of: cpu("initial"), settings: "100 in flight"},
	{name: "PUBLISH, changed", job: "publish", unit: "us", of: cpu("changed"), least: 5, aim: 9, settings: "100 in flight"},
	{name: "PUBLISH, changed, at 5,000/s", job: "publish", unit: "us", of: cpu("rated"), least: 3, aim: 4.5},
	{name: "PUBLISH, refresh", job: "publish", unit: "us", of: cpu("refresh"), least: 5.5, aim: 8.5, settings: "100 in flight"},
	{name: "SUBSCRIBE, initial", job: "subscribe", unit: "us", of: cpu("initial"), least: 5, aim: 8, settings: "with its NOTIFY"},
	{name: "SUBSCRIBE, refresh", job: "subscribe", unit: "us", of: cpu("refresh"), settings: "with its NOTIFY"},
	{name: "SUBSCRIBE, end", job: "subscribe", unit: "us", of: cpu("end"), settings: "with its NOTIFY"},
	{name: "NOTIFY, fan-out to 100", job: "fanout", unit: "us", of: perNotify("100")},
	{name: "NOTIFY, fan-out to 1,000", job: "fanout", unit: "us", of: perNotify("1000"), least: 6.5, aim: 10},
	{name: "NOTIFY, fan-out to 5,000", job: "fanout", unit: "us", of: perNotify("5000"), least: 15, aim: 23},
	{name: "NOTIFY, fan-out to 1,000, what 20 access rules cost", job: "fanout", unit: "us", of: perNotify("1000"), on: &ourRules, beyond: &ourMemory, atMost: 1},
	{name: "NOTIFY, fan-out to 5,000, what 20 access rules cost", job: "fanout", unit: "us", of: perNotify("5000"), on: &ourRules, beyond: &ourMemory, atMost: 1},
	{name: "last of 1,000 NOTIFYs", job: "fanout", unit: "ms", of: last("1000")},
	{name: "last of 5,000 NOTIFYs", job: "fanout", unit: "ms", of: last("5000"), least: 9, aim: 16},
	{name: "NOTIFY, fan-out to 1,000", job: "fanout stock", unit: "us", of: perNotify("1000")},
	{name: "NOTIFY, fan-out to 5,000", job: "fanout stock", unit: "us", of: perNotify("5000")},
	{name: "last of 1,000 NOTIFYs", job: "fanout stock", unit: "ms", of: last("1000")},
	{name: "last of 5,000 NOTIFYs", job: "fanout stock", unit: "ms", of: last("5000")},
	{name: "last of the living of 5,000, none dead", job: "dead", unit: "ms", of: last("0")},
	{name: "last of the living of 5,000, 1 dead", job: "dead", unit: "ms", of: last("1"), least: 9, aim: 16},
	{name: "last of the living of 5,000, 100 dead", job: "dead", unit: "ms", of: last("100"), least: 9, aim: 16},
	{name: "the same at the first PUBLISH after they died", job: "dead", unit: "ms", of: latency("100", "last notify", 99)},
	{name: "buddy lists, saturated: CPU per NOTIFY", job: "buddies", unit: "us", of: perNotify("saturated")},
	{name: "buddy lists, saturated: PUBLISH to NOTIFY, p99", job: "buddies", unit: "ms", of: latency("saturated", "notify", 99)},
	{name: "buddy lists, half of it: CPU per NOTIFY", job: "buddies", unit: "us", of: perNotify("half"), settings: "half of its own capacity", apart: true},
	{name: "buddy lists, half of it: PUBLISH to NOTIFY, p99", job: "buddies", unit: "ms", of: latency("half", "notify on the wire", 99), atMost: 2, settings: "half of its own capacity; sent to arrived, by the kernel", apart: true},
	{name: "buddy lists, half of it: taken by the hypervisor meanwhile", job: "buddies", unit: "CPUs", of: stolen("half"), settings: "it is in the p99", apart: true},
	{name: "MESSAGE", job: "message", unit: "us", of: cpu("message"), least: 3.5, aim: 5.5, settings: "relayed and answered"},
	{name: "REGISTER", job: "message", unit: "us", of: cpu("register"), least: 2.6, aim: 4},
	{name: "REGISTER with digest", job: "digest", unit: "us", of: cpu("register"), least: 2, aim: 3},
	{name: "bare echo", job: "floor sockets", on: &echoTarget, unit: "us", of: cpu("saturated"), settings: "100 in flight"},
	{name: "PUBLISH, changed", job: "sockets", unit: "us", of: cpu("changed"), least: 5, aim: 9, settings: "100 in flight"},
	{name: "PUBLISH, refresh", job: "sockets", unit: "us", of: cpu("refresh"), least: 5.5, aim: 8.5, settings: "100 in flight"},
	{name: "SUBSCRIBE, initial", job: "sockets watched", unit: "us", of: cpu("initial"), least: 5, aim: 8, settings: "with its NOTIFY"},
	{name: "NOTIFY, fan-out to 1,000", job: "sockets watched", unit: "us", of: perNotify("1000"), least: 6.5, aim: 10, settings: "4 MB buffer"},
	{name: "MESSAGE", job: "sockets", unit: "us", of: cpu("message"), least: 3.5, aim: 5.5, settings: "relayed and answered"},
	{name: "REGISTER", job: "sockets", unit: "us", of: cpu("register"), least: 2.6, aim: 4},
	{name: "login storm: CPU per principal", job: "login", unit: "us", of: cpu("login")},
	{name: "login storm: until all are in", job: "login", unit: "s", of: at("login", func(p *phase) float64 { return p.Seconds })},
	{name: "capacity", job: "overload", unit: "/s", of: rate("saturated")},
	{name: "PUBLISH, goodput at twice its own capacity", job: "overload", unit: "%", of: goodput("twice", "saturated"), atLeast: 80, apart: true},
	{name: "MESSAGE, goodput at twice its own capacity", job: "overload message", unit: "%", of: goodput("twice", "saturated"), atLeast: 80, apart: true},
	{name: "SUBSCRIBE, goodput at twice its own capacity", job: "overload subscribe", unit: "%", of: goodput("twice", "saturated"), atLeast: 80, apart: true},
	{name: "REGISTER, goodput at twice its own capacity", job: "overload register", unit: "%", of: goodput("twice", "saturated"), atLeast: 80, apart: true},
	{name: "PUBLISH, p99 at twice its own capacity", job: "overload", unit: "ms", of: latency("twice", "answer", 99), apart: true},
	{name: "PUBLISH, p99 at half its own capacity, before the overload", job: "overload", unit: "ms", of: latency("before", "answer", 99), apart: true},
	{name: "the same right after it", job: "overload", unit: "ms", of: latency("after", "answer", 99), apart: true},
	{name: "cost right after the overload, against before", job: "overload", unit: "x", of: against("after", "before"), atMost: 1.25, apart: true},
	{name: "memory per subscription of 50,000, at the peak", job: "memory", unit: "kB", of: perSubscription("subscribe", 50_000), atMost: 2},
	{name: "live heap per subscription of 50,000", job: "memory", unit: "kB", of: heapPer(50_000), on: &ourMemory, atMost: 1, settings: "after a garbage collection"},
	{name: "memory per subscription of 50,000, settled", job: "memory", unit: "kB", of: perSubscription("settled", 50_000)},
	{name: "the same when all have ended", job: "memory", unit: "kB", of: perSubscription("gone", 50_000)},
	{name: "memory per subscription of 500,000, at the peak", job: "memory 500k", unit: "kB", of: perSubscription("subscribe", 500_000), atMost: 2},
	{name: "live heap per subscription of 500,000", job: "memory 500k", unit: "kB", of: heapPer(500_000), on: &ourMemory, atMost: 1, settings: "after a garbage collection"},
	{name: "memory per subscription of 500,000, settled", job: "memory 500k", unit: "kB", of: perSubscription("settled", 500_000)},
	{name: "left of 500,000 that have ended: resident", job: "memory 500k", unit: "MB", of: resident("gone"), atMost: 40, settings: "with the Go runtime's tables, 3 % of the peak; Kamailio is not waited for beyond 75 s"},
	{name: "left of 500,000 that have ended: live heap", job: "memory 500k", unit: "MB", of: heapLeft, on: &ourMemory, atMost: 10, settings: "after a garbage collection"},
	{name: "recent past of 500,000: live heap per watcher", job: "past 500k", without: "memory 500k", unit: "kB", of: heapLeftPer(500_000), on: &ourMemory, atMost: 0.1, settings: "50 watchers each; what is left above that of past = \"0s\""},
	{name: "soft-state log: PUBLISH, changed, against memory", job: "publish", unit: "x", of: cpu("changed"), on: &ourFiles, against: &ourMemory, atMost: 1.2},
	{name: "soft-state log: PUBLISH, refresh, against memory", job: "publish", unit: "x", of: cpu("refresh"), on: &ourFiles, against: &ourMemory, atMost: 1.2},
	{name: "soft-state log: SUBSCRIBE, initial, against memory", job: "subscribe", unit: "x", of: cpu("initial"), on: &ourFiles, against: &ourMemory, atMost: 1.2},
	{name: "soft-state log: SUBSCRIBE, refresh, against memory", job: "subscribe", unit: "x", of: cpu("refresh"), on: &ourFiles, against: &ourMemory, atMost: 1.2},
	{name: "1,000,000 idle principals: memory", job: "idle", on: &ourFiles, unit: "MB", of: at("idle", func(p *phase) float64 { return float64(p.After.PSS) / 1e6 }), settings: "registered and published, with files"},
	{name: "1,000,000 idle principals: CPU", job: "idle", on: &ourFiles, unit: "%", of: at("idle", func(p *phase) float64 { return 100 * p.Cores }), settings: "with files"},
	{name: "1,000,000 idle principals: start-up", job: "idle", on: &ourFiles, unit: "s", of: func(o *outcome) float64 { return some(o.Again.Seconds()) }, settings: "with files, after kill -9"},
}...)

// redisRow is what Redis itself pays for a PUBLISH.
var redisRow = row{name: "PUBLISH, changed: Redis' own CPU", job: "publish", unit: "us", of: helperCPU("changed"), on: &ourRedis, atMost: 20}

// at takes a figure of a phase that was played.
func at(name string, take func(*phase) float64) figure {
	return func(o *outcome) float64 {
		if p := o.phase(name); p != nil {
			return take(p)
		}
		return math.NaN()
	}
}

// cpu is per operation, in us.
func cpu(name string) figure {
	return at(name, func(p *phase) float64 { return some(p.CPU) })
}

func perNotify(name string) figure {
	return at(name, func(p *phase) float64 { return some(p.PerNote) })
}

func rate(name string) figure { return at(name, func(p *phase) float64 { return p.Rate }) }

// latency is in ms.
func latency(name, step string, percent int) figure {
	return at(name, func(p *phase) float64 { return some(p.quantile(step, percent)) })
}

// stolen is in CPUs.
func stolen(name string) figure { return at(name, func(p *phase) float64 { return p.Stolen }) }

func last(name string) figure { return latency(name, "last notify", 50) }

// some: a cost of nothing was not measured.
func some(v float64) float64 {
	if v == 0 {
		return math.NaN()
	}
	return v
}

// goodput is in percent of what was done without overload.
func goodput(name, of string) figure {
	done, capacity := rate(name), rate(of)
	return func(o *outcome) float64 { return 100 * done(o) / capacity(o) }
}

// against is the ratio of two phases' CPU per operation.
func against(name, before string) figure {
	a, b := cpu(name), cpu(before)
	return func(o *outcome) float64 { return a(o) / b(o) }
}

// perSubscription is what a phase's end holds more than that of "published",
// in kB. At the end of "subscribe" it is the peak, where the kernel tells it:
// not of several processes that share memory.
func perSubscription(name string, subscriptions int) figure {
	held := at(name, func(p *phase) float64 {
		if name == "subscribe" && p.After.Processes == 1 {
			return float64(p.After.Peak)
		}
		return float64(p.After.PSS)
	})
	before := at("published", func(p *phase) float64 { return float64(p.After.PSS) })
	return func(o *outcome) float64 { return (held(o) - before(o)) / 1e3 / float64(subscriptions) }
}

// resident is what a phase's end holds more than that of "published", in MB.
func resident(name string) figure {
	return func(o *outcome) float64 { return perSubscription(name, 1)(o) / 1e3 }
}

// heap is in bytes, after a garbage collection.
func heap(name string) figure {
	return at(name, func(p *phase) float64 {
		if p.Probe == nil {
			return math.NaN()
		}
		return *p.Probe
	})
}

// heapPer is in kB.
func heapPer(subscriptions int) figure {
	with, without := heap("settled"), heap("published")
	return func(o *outcome) float64 { return (with(o) - without(o)) / 1e3 / float64(subscriptions) }
}

// heapLeft is in MB.
func heapLeft(o *outcome) float64 { return (heap("gone")(o) - heap("published")(o)) / 1e6 }

// heapLeftPer is in kB.
func heapLeftPer(watchers int) figure {
	return func(o *outcome) float64 { return heapLeft(o) * 1e3 / float64(watchers) }
}

// helperCPU is that of the processes besides the SIP server, per operation in us.
func helperCPU(name string) figure {
	return func(o *outcome) float64 {
		p := o.phase(name)
		if p == nil || p.Finished == 0 || len(o.Helpers) == 0 {
			return math.NaN()
		}
		var sum float64
		for _, pid := range o.Helpers {
			sum += float64((p.After.Each[pid] - p.Before.Each[pid]).Microseconds())
		}
		return sum / float64(p.Finished)
	}
}
