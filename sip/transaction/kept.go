package transaction

import (
	"encoding/binary"

	"presenced/sip"
)

// kept is the last response of a server transaction, packed for repeats: what
// the handler said, without what a response copies from its request. A repeat
// brings that itself, so the whole is rendered again from both: 80 bytes held
// for 32 s in place of 450. "" is no response yet.
//
// It is the code as a varint, and then as strings behind their lengths as
// varints: the reason, the To tag, the body, and each header field's name and
// value.
type kept string

func keep(res *sip.Response) kept { return kept(appendResponse(nil, res)) }

// appendResponse appends what keep returns.
func appendResponse(b []byte, res *sip.Response) []byte {
	b = binary.AppendUvarint(b, uint64(res.Code))
	b = appendKept(b, res.Reason)
	b = appendKept(b, res.ToTag)
	b = appendKept(b, string(res.Body))
	for _, f := range res.Header {
		b = appendKept(b, f.Name)
		b = appendKept(b, f.Value)
	}
	return b
}

func appendKept(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// response is what keep was given, as far as it is rendered.
func (k kept) response() *sip.Response {
	res := &sip.Response{Code: int(k.number())}
	res.Reason, res.ToTag, res.Body = k.part(), k.part(), []byte(k.part())
	for k != "" {
		res.Header = append(res.Header, sip.Field{Name: k.part(), Value: k.part()})
	}
	return res
}

// number takes a number from the front.
func (k *kept) number() uint64 {
	var n uint64
	for i := 0; i < len(*k); i++ {
		c := (*k)[i]
		n |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			*k = (*k)[i+1:]
			break
		}
	}
	return n
}

// part takes a string from the front.
func (k *kept) part() string {
	n := int(k.number())
	s := string((*k)[:n])
	*k = (*k)[n:]
	return s
}
