package store

import "time"

// Principal is one who can authenticate. Passwords are never stored, only
// H(username:realm:password) per algorithm (RFC 7616 s.3.4.2). Durable: a put
// or a delete is answered when it is on disk. A put replaces the whole record;
// the delete of an unknown one is ErrNotFound.
type Principal struct {
	AOR string
	HA1 map[string]string // algorithm, as digest challenges name it -> lower-case hexadecimal
}

// Secret is key material that all agents share and rotate. Durable where the
// engine has a disk; losing it costs one more challenge per client.
//
// Secrets of a name are read newest first. Adding one says which ID it found
// newest (0: none) and how many to keep: where another one is newest by now,
// another agent has rotated already, and nothing is added, without an error.
type Secret struct {
	ID  uint32        // not 0
	Key []byte        // 32 bytes
	Age time.Duration // since it was made, by the engine's clock; ignored when added
}
