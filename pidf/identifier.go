package pidf

import (
	"hash/fnv"
	"io"
	"strconv"
)

// identifiers gives out values of type xs:ID for one document. An id that is
// one already is kept; any other is rewritten, always in the same way, so that
// watchers recognise the tuple in the next document (RFC 3863 s.4.1.2).
//
// COMPAT: clients write ids that start with a digit; phones refuse such
// documents (TestIdentifiers).
type identifiers struct {
	next map[string]int // by id given out: the number that its next namesake gets
}

// append writes a unique id made from one that was published.
func (ids *identifiers) append(dst []byte, published, missing string) []byte {
	return append(dst, ids.of(published, missing, "")...)
}

// of makes a unique id from one that was published. The first to come keeps its
// own. Another gets a hash of its publication's key behind it, so that its id
// stays the same whatever namesakes come and go; without a key, or with one that
// has its id already, the lowest number from 2 on. Hashes of the device would
// outlive publications, but would tell watchers about its address.
func (ids *identifiers) of(published, missing, key string) string {
	id := Identifier(published)
	if id == "" {
		id = missing
	}
	n, taken := ids.next[id]
	if !taken {
		ids.next[id] = 2
		return id
	}
	if key != "" {
		h := fnv.New64a()
		io.WriteString(h, key)
		keyed := id + "-" + strconv.FormatUint(h.Sum64()>>24, 36)
		if _, taken := ids.next[keyed]; !taken {
			ids.next[keyed] = 2
			return keyed
		}
	}
	for ; ; n++ {
		candidate := id + "-" + strconv.Itoa(n)
		if _, taken := ids.next[candidate]; !taken {
			ids.next[id] = n + 1
			ids.next[candidate] = 2
			return candidate
		}
	}
}

// Identifier returns what [Compose] makes of a published id that is unique: an
// NCName of ASCII characters. What is none gets a leading underscore, and each
// byte that may not stand in it becomes an underscore and two hexadecimal
// digits; from the first 1024 bytes.
func Identifier(id string) string {
	valid := id != "" && class[id[0]]&classNameStart != 0
	for i := 0; valid && i < len(id); i++ {
		valid = class[id[i]]&className != 0
	}
	if valid || id == "" {
		return id
	}
	id = id[:min(len(id), maxName)]
	const digits = "0123456789abcdef"
	out := make([]byte, 0, len(id)+8)
	out = append(out, '_')
	for _, b := range []byte(id) {
		if class[b]&className != 0 {
			out = append(out, b)
		} else {
			out = append(out, '_', digits[b>>4], digits[b&15])
		}
	}
	return string(out)
}
