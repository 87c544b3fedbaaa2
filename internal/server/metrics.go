package server

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"presenced/policy"
	"presenced/sip"
)

// metrics are what /metrics counts. What the layers count themselves is read
// when it is asked for (collector).
type metrics struct {
	registry  *prometheus.Registry
	requests  *prometheus.CounterVec
	took      *prometheus.HistogramVec
	web       *prometheus.CounterVec
	notified  *prometheus.CounterVec
	latency   prometheus.Histogram
	storeTook *prometheus.HistogramVec
	storeErrs *prometheus.CounterVec
}

// buckets reach from an answer out of memory to a transaction's end.
var buckets = []float64{25e-6, 100e-6, 250e-6, 1e-3, 2.5e-3, 10e-3, 50e-3, 250e-3, 1, 4, 32}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "presenced_requests_total", Help: "SIP requests answered, by method and status code."}, []string{"method", "code"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "presenced_request_seconds", Help: "Time from a request's turn to its response, by method.", Buckets: buckets}, []string{"method"}),
		web: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "presenced_http_requests_total", Help: "Requests of principals over HTTP answered, by method and status code."}, []string{"method", "code"}),
		notified: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "presenced_notifies_total", Help: "NOTIFYs by event package and outcome: a status code, timeout, closed, too large, transport, superseded."}, []string{"package", "outcome"}),
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "presenced_change_to_notify_seconds", Help: "Time from hearing of a change (a PUBLISH, a lapse) to the NOTIFY that is not paced.", Buckets: buckets}),
		storeTook: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "presenced_store_seconds", Help: "Time of store operations.", Buckets: buckets}, []string{"operation"}),
		storeErrs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "presenced_store_errors_total", Help: "Store operations that failed because the store was away."}, []string{"operation"}),
	}
	m.registry.MustRegister(m.requests, m.took, m.web, m.notified, m.latency, m.storeTook, m.storeErrs,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Notified is notifier.Observer's.
func (m *metrics) Notified(pkg, outcome string) { m.notified.WithLabelValues(pkg, outcome).Inc() }

// HTTPAnswered is xcap.Observer's.
func (m *metrics) HTTPAnswered(method string, code int) {
	m.web.WithLabelValues(method, strconv.Itoa(code)).Inc()
}

// Latency is notifier.Observer's.
func (m *metrics) Latency(d time.Duration) { m.latency.Observe(d.Seconds()) }

var epoch = time.Now()

// monotonic is for differences: it reads one clock where time.Now reads two.
func monotonic() time.Duration { return time.Since(epoch) }

// counted is a handler whose answers are counted.
func (m *metrics) counted(next sip.Handler) sip.Handler {
	byMethod := map[string]*answers{}
	for _, method := range labels {
		took := sync.OnceValue(func() prometheus.Observer { return m.took.WithLabelValues(method) }) // no series before the first
		byMethod[method] = &answers{metrics: m, method: method, took: took}
	}
	return sip.HandlerFunc(func(ctx context.Context, r *sip.Request) (*sip.Response, error) {
		start := monotonic()
		a := byMethod[r.Method()]
		if a == nil { // a method that a peer made up does not become a time series
			a = byMethod[otherMethods]
		}
		res, err := next.ServeSIP(ctx, r)
		if err == nil && res != nil && res.Later != nil {
			return a.later(res.Later, start), nil
		}
		a.count(res, err, start)
		return res, err
	})
}

// answers are one method's metrics, looked up once.
type answers struct {
	metrics *metrics
	method  string
	took    func() prometheus.Observer
	codes   [700]atomic.Pointer[prometheus.Counter]
}

func (a *answers) count(res *sip.Response, err error, start time.Duration) {
	a.took().Observe((monotonic() - start).Seconds())
	code := sip.CodeOf(res, err)
	if code < 0 || code >= len(a.codes) {
		code = 0
	}
	c := a.codes[code].Load()
	if c == nil {
		counter := a.metrics.requests.WithLabelValues(a.method, strconv.Itoa(code))
		c = &counter
		a.codes[code].Store(c)
	}
	(*c).Inc()
}

// later counts an answer when it is known.
func (a *answers) later(later func(func(*sip.Response, error)), start time.Duration) *sip.Response {
	return &sip.Response{Later: func(answer func(*sip.Response, error)) {
		later(func(res *sip.Response, err error) {
			a.count(res, err, start)
			answer(res, err)
		})
	}}
}

// labels are the methods that are told apart.
var labels = []string{
	"REGISTER", "PUBLISH", "SUBSCRIBE", "MESSAGE", "NOTIFY", "OPTIONS", "INVITE", "ACK", "CANCEL", "BYE", otherMethods,
}

const otherMethods = "other"

// collector reads the layers' own counters at each scrape.
type collector struct{ s *Server }

// Describe sends nothing: the collector is unchecked.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect is prometheus.Collector's.
func (c collector) Collect(out chan<- prometheus.Metric) {
	gauge := func(name, help string, value float64, labels ...string) {
		emit(out, prometheus.GaugeValue, name, help, value, labels)
	}
	counter := func(name, help string, value uint64, labels ...string) {
		emit(out, prometheus.CounterValue, name, help, float64(value), labels)
	}
	tx := c.s.layer.Stats()
	gauge("presenced_transactions", "Transactions that are alive.", float64(tx.Pending), "kind", "pending")
	gauge("presenced_transactions", "Transactions that are alive.", float64(tx.Held), "kind", "answered")
	gauge("presenced_transactions", "Transactions that are alive.", float64(tx.Clients), "kind", "client")
	counter("presenced_repeats_total", "Retransmissions absorbed.", tx.Absorbed+tx.Repeated)
	counter("presenced_retransmitted_total", "Requests sent again.", tx.Retransmitted)
	const drops = "Messages dropped or refused before a handler saw them, by reason."
	counter("presenced_drops_total", drops, tx.Unread, "reason", "unreadable")
	counter("presenced_drops_total", drops, tx.Malformed, "reason", "malformed")
	counter("presenced_drops_total", drops, tx.Dropped, "reason", "overload")
	counter("presenced_drops_total", drops, tx.Unmatched, "reason", "unmatched-response")
	counter("presenced_panics_total", "Handlers that panicked.", tx.Panics)

	who := c.s.guard.Stats()
	const identified = "Requests by what their identification came to; one that is challenged may count twice, with its reason."
	counter("presenced_identified_total", identified, who.Accepted.Load(), "outcome", "accepted")
	counter("presenced_identified_total", identified, who.Challenged.Load(), "outcome", "challenged")
	counter("presenced_identified_total", identified, who.Wrong.Load(), "outcome", "wrong")
	counter("presenced_identified_total", identified, who.Stale.Load(), "outcome", "stale")
	counter("presenced_identified_total", identified, who.Replayed.Load(), "outcome", "replayed")
	counter("presenced_identified_total", identified, who.Spoofed.Load(), "outcome", "spoofed")
	counter("presenced_identified_total", identified, who.Limited.Load(), "outcome", "limited")
	counter("presenced_identified_total", identified, who.Away.Load(), "outcome", "store-away")

	tr := c.s.transport.Stats()
	counter("presenced_drops_total", drops, tr.DatagramsShed.Load(), "reason", "pressure")
	gauge("presenced_connections", "Open TCP and TLS connections.", float64(tr.Connections.Load()))
	const refused = "Connections refused or closed, by reason."
	counter("presenced_connections_refused_total", refused, tr.RefusedTotal.Load(), "reason", "total")
	counter("presenced_connections_refused_total", refused, tr.RefusedPerAddress.Load(), "reason", "address")
	counter("presenced_connections_refused_total", refused, tr.TimedOut.Load(), "reason", "timeout")
	counter("presenced_connections_refused_total", refused, tr.FramingErrors.Load(), "reason", "framing")
	counter("presenced_bytes_total", "Bytes received and sent.", tr.BytesIn.Load(), "direction", "in")
	counter("presenced_bytes_total", "Bytes received and sent.", tr.BytesOut.Load(), "direction", "out")

	for pkg, states := range c.s.notifier.Stats() {
		for state, n := range states {
			gauge("presenced_subscriptions", "Subscriptions that this agent serves.", float64(n), "package", pkg, "state", string(state))
		}
	}
	for _, h := range []policy.SubHandling{policy.Block, policy.Confirm, policy.PoliteBlock, policy.Allow} {
		counter("presenced_decisions_total", "Decisions on watchers of presence, by what they came to.", c.s.presence.Decisions(h), "handling", h.String())
	}
	law := c.s.rules.Stats()
	gauge("presenced_rules_cached", "Rules documents that are kept parsed, or known to be missing.", float64(law.Entries))
	gauge("presenced_rules_cached_bytes", "What they take, about.", float64(law.Bytes))
	const loads = "Rules documents read from the store, by what became of it: those that failed, that do not parse, and that were gone without being deleted, among all."
	counter("presenced_rules_read_total", loads, law.Loads, "outcome", "all")
	counter("presenced_rules_read_total", loads, law.Failed, "outcome", "failed")
	counter("presenced_rules_read_total", loads, law.Broken, "outcome", "broken")
	counter("presenced_rules_read_total", loads, law.Lost, "outcome", "lost")
	c.store(gauge)
}

// store reads what the engine holds; a store that is away has no values.
func (c collector) store(gauge func(name, help string, value float64, labels ...string)) {
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	if lag, ok := c.s.lag(); ok {
		gauge("presenced_feed_lag_seconds", "From a change in the store to this agent's hearing of it, the longest since the last scrape.", lag.Seconds())
	}
	stats, err := c.s.engine.Stats(ctx)
	if err != nil {
		return
	}
	const help = "Records in the store, of all agents."
	gauge("presenced_store_records", help, float64(stats.Publications), "class", "publication")
	gauge("presenced_store_records", help, float64(stats.Subscriptions), "class", "subscription")
	gauge("presenced_store_records", help, float64(stats.Bindings), "class", "binding")
	gauge("presenced_store_records", help, float64(stats.Principals), "class", "principal")
	gauge("presenced_store_records", help, float64(stats.Documents), "class", "document")
}

// emit makes one metric; labels are names and values by turns.
func emit(out chan<- prometheus.Metric, kind prometheus.ValueType, name, help string, value float64, labels []string) {
	var names, values []string
	for i := 0; i+1 < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, labels[i+1])
	}
	out <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, names, nil), kind, value, values...)
}
