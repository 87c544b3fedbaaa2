// Command presence-load loads a SIP presence server and measures it, in the
// manner of SIMPLEstone: a workload sets how many principals there are, how
// many watchers each has, and how often each request comes.
//
//	presence-load --scenario publish-changed --server udp:127.0.0.1:5060 --server-name presenced
//	presence-load --scenario fanout --watchers 5000 --dead 50 --count 20
//	presence-load --scenario buddies --json result.json
//	presence-load --scenario publish-changed --plot latency.svg --duration 3s
//	presence-load --workload evening.toml --server-name kamailio
//
// It works against any server: nothing on the wire is particular to one.
//
// Closed loop keeps so many operations on their way (--in-flight) and finds
// what the server can do; open loop (--rate) sends when a request is due,
// whatever comes back, and counts latency from when it was due to when the
// generator has read what it waits for. On one machine with the server that is
// in part the generator's own delay; what is "on the wire" is without it: from
// when the request was sent to when the kernel had the answer or the NOTIFY for
// the socket (UDP), and "sent" is how late requests were sent. An operation
// is over when all that it causes has happened: a SUBSCRIBE with its 200 and
// its NOTIFY, a PUBLISH with the NOTIFY of the last live watcher, a MESSAGE
// with its arrival and its answer.
//
// While it loads it checks: requests are sent again as RFC 3261 s.17.1.2
// wants; a NOTIFY that comes again is told from a new one by its CSeq, and
// from one out of order; each PUBLISH puts a number into its PIDF, so that an
// older state after a newer is seen, and who lacks the last one at the end.
//
// It implements the client's side of RFC 3261 (non-INVITE), 3903, 6665, 3428
// and digest. It leaves out forking (a subscription has one dialog), XML (the
// number in the PIDF is all it reads), names and SRV (an address is given).
// Linux only: it reads /proc, and sends and receives datagrams in batches.
package main

const usageText = `presence-load --scenario NAME | --workload FILE [flags]

Loads a SIP presence server, checks what it answers, and prints rates,
latencies, and the CPU and memory of the server's processes. It stops by
itself. Progress goes to stderr. Only loopback addresses are loaded unless
--i-own-this-network is given. Ctrl-C prints what was measured and ends what
is left at the server; once more, and it is left there.

The server must serve --domain, know u00000000@DOMAIN and on with one password
or ask for none, let everybody watch everybody, and hold NOTIFYs back by no
pace: else latencies are its pace. It must bear so much from one address.

Scenarios:
%s
Flags:
  --server udp:127.0.0.1:5060   or tcp:, tls: (no certificate is checked), [::1]:5060; no names
  --domain 127.0.0.1            of all principals: u00000000@DOMAIN and on
  --password SECRET             of all principals; without, a challenge is a failure
  --server-pid 12,34            whose CPU and memory: with descendants
  --server-name presenced       the same by the command's name
  --in-flight 100               closed loop
  --rate 5000                   open loop, operations a second
  --duration 5s, --count 1000   of a phase
  --principals, --watchers, --dead   numbers of the scenario
  --sockets 1                   sockets or connections; each of the dead has one more
  --rcvbuf 0                    receive buffer in bytes; 0 is the kernel's stock size
  --body-size 0                 bytes of a PIDF or MESSAGE, at least
  --patience 10s                until a NOTIFY that does not come is given up
  --json FILE                   the result; - is stdout instead of the table
  --plot FILE.svg               latency against load: the scenario's first phase at
                                10 to 110 %% of saturation, or at --rates 1000,2000,...;
                                of a workload: the first operation of its phases with rates
  --i-own-this-network          load an address that is not loopback
  --probe COMMAND               run after each phase, with its name as the last argument; the
                                number that it prints stands in the JSON (such as a live heap)
  --cpuprofile FILE             of the generator itself
  --leave                       do not end subscriptions and publications afterwards

A workload file has the same names, and phases that run one after the other:

  server = "udp:127.0.0.1:5060"
  domain = "example.com"
  body_size = 1000

  [[phase]]
  name = "saturated"
  operation = "publish-changed"  # register, publish-initial, publish-changed,
  principals = 1000              # publish-refresh, publish-end, subscribe-initial,
  watchers = 10                  # subscribe-refresh, subscribe-end, message, login,
  in_flight = 100                # pause
  duration = "5s"

  [[phase]]
  name = "half of it"
  operation = "publish-changed"
  principals = 1000
  watchers = 10
  of = "saturated"
  fraction = 0.5
  duration = "5s"

  [[phase]]
  name = "an evening"
  principals = 1000
  watchers = 10
  duration = "30s"
  [phase.rates]                  # per second, all at once
  publish-changed = 200
  subscribe-refresh = 50
  message = 20

What a phase needs is set up before it is measured. In the table "late" is what
finished after the measured time, "us/NOTIFY" all CPU divided by NOTIFYs. The
line below says what limited the rate: believe no figure of a closed loop that
was limited by the generator.
`
