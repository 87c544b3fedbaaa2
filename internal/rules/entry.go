package rules

import (
	"container/list"
	"math"
	"time"

	"presenced/pidf"
	"presenced/policy"
)

// key names a document.
type key struct{ aor, name string }

// entry is what is known of a document. It is guarded by the cache's lock.
type entry struct {
	key    key
	value  any // compiled rules; nil: there is no document
	known  bool
	era    uint64    // the cache's when reading began; another one: value may be old
	named  bool      // somebody has changed this very document since it was read
	lost   bool      // it is gone from the store, and was complained about
	flight *flight   // the reading that is under way
	pause  time.Time // not read again before, as long as value is known
	broken string    // the tag of the document that was complained about
	size   int
	place  *list.Element
	round  uint32 // in which it was asked for last
}

// stale is the era of an entry that must be read again.
const stale = math.MaxUint64

// flight is one reading of a document, shared by all who ask meanwhile.
type flight struct {
	done  chan struct{}
	era   uint64
	value any
	err   error
}

// overhead is what an entry takes beside its rules, which take about twice
// their document; in bytes.
const overhead = 320

// recency orders entries, the one most recently used first.
type recency struct {
	list.List
	round uint32
}

func (r *recency) use(e *entry) {
	e.round = r.round
	if e.place == nil {
		e.place = r.PushFront(e)
	} else {
		r.MoveToFront(e.place)
	}
}

func (r *recency) oldest() *entry { return r.Back().Value.(*entry) }

// usage is how the documents of one name are read.
type usage struct {
	parse func([]byte) (any, error)
	// closed is what is in force in place of a document that never parsed.
	closed any
}

// usages lists them by name.
var usages = map[string]usage{
	NameAccess:     newUsage(policy.ParseRules, ""),
	NameVisibility: newUsage(policy.ParseVisibility, hidden),
	NameDelegation: newUsage(policy.ParseDelegation, ""),
	NamePresence:   {parse: func(doc []byte) (any, error) { return pidf.Parse(doc) }},
}

const hidden = `<cp:rule id="closed"><cp:actions><watching xmlns="` + policy.NamespaceVisibility + `">hidden</watching></cp:actions></cp:rule>`

func newUsage[R any](parse func([]byte) (*R, error), closing string) usage {
	u := usage{parse: func(doc []byte) (any, error) { return parse(doc) }}
	closed, err := parse([]byte(`<cp:ruleset xmlns:cp="` + policy.NamespaceCommonPolicy + `">` + closing + `</cp:ruleset>`))
	if err != nil {
		panic(err) // the text above is constant
	}
	u.closed = closed
	return u
}
