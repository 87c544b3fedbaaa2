package sip

import "sync"

// requests are Requests whose memory is free.
var requests = sync.Pool{New: func() any { return new(Request) }}

// Recycle gives the Request's memory to one that is parsed later. Only its
// last owner calls it, and only where nobody keeps the Request itself, or a
// pointer or slice of addresses that it returned. Strings and bytes that it
// returned stay good as long as the message's bytes, of which they are views. A
// Request that is never recycled costs memory for the garbage collector, no
// more.
func (r *Request) Recycle() {
	*r = Request{}
	requests.Put(r)
}
