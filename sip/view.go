package sip

import "unsafe"

// view is b as a string without a copy. It is the only use of unsafe here,
// and it is sound because a message's bytes never change once ParseRequest or
// ParseResponse has them: both own raw or borrow it for as long as the view
// lives, and both say so.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
