package event

import (
	"encoding/binary"
	"errors"
	"strings"
)

// AppendPacked writes the dialog's packed form: its strings, each behind its
// length, but for the remote tag, which is a part of Remote. An idle
// subscription is little else than this.
func (d *Dialog) AppendPacked(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(d.RemoteCSeq))
	for _, s := range [...]string{d.CallID, d.LocalTag, d.Local, d.Remote, d.Target, d.Contact, d.Event.Package, d.Event.ID} {
		dst = appendString(dst, s)
	}
	if at := strings.LastIndex(d.Remote, d.RemoteTag); at >= 0 { // its place there
		dst = binary.AppendUvarint(dst, uint64(at)+1)
		dst = binary.AppendUvarint(dst, uint64(len(d.RemoteTag)))
	} else {
		dst = appendString(append(dst, 0), d.RemoteTag)
	}
	dst = binary.AppendUvarint(dst, uint64(len(d.Routes)))
	for _, s := range d.Routes {
		dst = appendString(dst, s)
	}
	return dst
}

// ErrPacked says that a packed record cannot be read.
var ErrPacked = errors.New("event: damaged record")

// UnpackDialog reads a packed dialog and returns what follows it. The
// dialog's strings are parts of packed: nothing is copied.
func UnpackDialog(packed string) (d Dialog, rest string, err error) {
	u := Unpacker{rest: packed}
	d.RemoteCSeq = uint32(u.Uint())
	for _, s := range [...]*string{&d.CallID, &d.LocalTag, &d.Local, &d.Remote, &d.Target, &d.Contact, &d.Event.Package, &d.Event.ID} {
		*s = u.String()
	}
	if at := u.Uint(); at > 0 {
		d.RemoteTag = u.part(d.Remote, at-1)
	} else {
		d.RemoteTag = u.String()
	}
	if n := u.Uint(); n > 0 && n <= uint64(len(u.rest)) {
		d.Routes = make([]string, n)
		for i := range d.Routes {
			d.Routes[i] = u.String()
		}
	} else if n != 0 {
		u.failed = true
	}
	return d, u.rest, u.Err()
}

func appendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// Unpacker reads numbers and strings that stand behind their lengths.
type Unpacker struct {
	rest   string
	failed bool
}

// Unpack starts to read s.
func Unpack(s string) *Unpacker { return &Unpacker{rest: s} }

// Uint reads a number.
func (u *Unpacker) Uint() uint64 {
	var n uint64
	for i := 0; i < len(u.rest) && i < binary.MaxVarintLen64; i++ {
		c := u.rest[i]
		n |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			u.rest = u.rest[i+1:]
			return n
		}
	}
	u.failed = true
	return 0
}

// String reads a string; it is a part of what is unpacked.
func (u *Unpacker) String() string {
	n := u.Uint()
	if u.failed || n > uint64(len(u.rest)) {
		u.failed = true
		return ""
	}
	s := u.rest[:n]
	u.rest = u.rest[n:]
	return s
}

// part reads a length; the string of that length stands in s at a place.
func (u *Unpacker) part(s string, at uint64) string {
	n := u.Uint()
	if at > uint64(len(s)) || n > uint64(len(s))-at {
		u.failed = true
		return ""
	}
	return s[at : at+n]
}

// Err says whether anything could not be read.
func (u *Unpacker) Err() error {
	if u.failed {
		return ErrPacked
	}
	return nil
}

// Rest is what has not been read.
func (u *Unpacker) Rest() string { return u.rest }
