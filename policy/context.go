package policy

import "time"

// Context is what rules depend on besides the watcher.
type Context struct {
	// Sphere is the presentity's by RFC 5025 s.3.1.2; "" where it is undefined.
	Sphere string
	Now    time.Time
	// Lists tells whether an address-of-record is a member of an external
	// list, named by a URI (OMA XDM). Nil: the lists cannot be read.
	Lists func(list, watcher string) bool
}
