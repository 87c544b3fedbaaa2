package sip

// Identity is who asks, as it was authenticated; never what From says.
// The guard in internal/identity sets it before a handler runs.
type Identity struct {
	// AOR is the principal's address-of-record; "" for nobody (an anonymous
	// watcher, or a node that asks for no credentials and was given none).
	AOR string
	// Anonymous is set where the principal asked for anonymity (RFC 3323) or
	// where an anonymous request without credentials was let in.
	Anonymous bool
	// Trusted is set where the request came from a trusted peer (RFC 3325).
	Trusted bool
	// Issued is when the nonce of the credentials was issued, in Unix
	// seconds; 0 without digest. It proves that a request is not stale.
	Issued int64
}
