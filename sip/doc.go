// Package sip is SIP as a presence agent needs it: requests as they come off
// the wire, the responses they get, the URIs in both, and the handlers that
// turn the one into the other.
//
// A [Request] is a lazy view over the bytes of one message. One tolerant scan
// indexes its start line and header fields without allocating; what a handler
// asks for is parsed then. An [Answer] is the same for a response, and
// [GlanceResponse] finds in one only what matches it to its request. [Mux]
// makes the checks that are the same for every request of a kind and picks
// the handler by method and event package.
//
// Implemented: the syntax of RFC 3261 s.7, s.19.1, s.20 and s.25 as far as a
// recipient needs it, header checks of s.8.2, what a response copies (s.8.2.6)
// and where it goes (s.18.2, RFC 3581), IPv6 references (RFC 5118), pres: and
// im: URIs (RFC 3859, RFC 3860). Every message of RFC 4475 and RFC 5118 has
// its stated outcome in torture_test.go.
//
// Left out: bytes on sockets (package transport), retransmission (package
// transaction), dialogs and events (package event), INVITE, maddr and
// multicast, S/MIME. A tel: or other URI is kept as it is written and never
// compared.
//
// The parsers are our own, and small. sipgo's were the first choice and are
// now the oracle they are fuzzed against: they cost 49 allocations for a
// SUBSCRIBE where this costs one, they keep the last of two From fields, they
// misread what TestOracleDiffers lists, and they read past faults that must
// get a 400.
package sip
