package notifier

import (
	"presenced/sip"
)

// Conditional notification (RFC 5839). The entity-tag of a view is its Hash, so
// that it is the same at every agent and after a restart; one of the partial
// type has another tag than a full one, since the type is part of the entity
// (s.4). It stands in every NOTIFY that tells a state: how else would a watcher
// know that there are such tags (s.5.1, s.6.1)?

const (
	suppressIfMatch = "Suppress-If-Match"
	anyTag          = "*"
)

// appendTag writes the entity-tag of what has a hash.
func appendTag(dst []byte, hash uint64, t *terms) []byte {
	const digits = "0123456789abcdef"
	var text [16]byte
	for i := range text {
		text[i] = digits[hash>>60]
		hash <<= 4
	}
	dst = append(dst, text[:]...)
	if t != nil && t.partial {
		dst = append(dst, 'p')
	}
	return dst
}

// condition says whether the watcher has what its SUBSCRIBE would have told: the
// tags are byte-wise identical (RFC 5839 s.6.2), or it wants to be told nothing.
// The hash is that of what it has, 0 where it has not said.
func condition(r *sip.Request, state State, view string, t *terms) (holds bool, hash uint64) {
	if !r.Has(suppressIfMatch) {
		return false, 0
	}
	given := r.Header(suppressIfMatch)
	if given == anyTag {
		return true, 0
	}
	var room [32]byte
	if hash = hashOf(state, view); hash == 0 || string(appendTag(room[:0], hash, t)) != given {
		return false, 0
	}
	return true, hash
}

// has notes that the watcher has what has this hash: as long as that is true,
// no body tells it again (RFC 5839 s.6.2).
func (s *subscription) has(hash uint64) {
	if hash != 0 {
		s.rarely().given = hash
	}
}

// suppresses says whether a NOTIFY of what has this hash goes without a body.
func (s *subscription) suppresses(hash uint64) bool {
	if s.rare == nil {
		return false
	}
	t := s.rare.terms
	return t != nil && t.dormant || s.given != 0 && s.given == hash
}

// quiet makes s one whose watcher has been answered 204: it has what it would
// have been told, and hears of it when that is not so any more. The shard is
// locked.
func (n *Notifier) quiet(s *subscription, epoch uint32) {
	s.shard.mu.Lock()
	if s.epoch == epoch && !s.gone {
		s.held = false
		n.mark(s, n.now())
		n.advance(s, n.now())
	}
	n.unlock(s.shard)
}

// leaves ends s without a NOTIFY (RFC 5839 s.5.7).
func (n *Notifier) leaves(s *subscription) {
	s.shard.mu.Lock()
	n.drop(s)
	n.unlock(s.shard)
}
