package composition

import (
	"strconv"
	"sync"

	"presenced/pidf"
)

// Partial is the view in partial form (RFC 5262) with a version: what has
// changed since an older view, or the whole where that is shorter, and where
// since is nil. Watchers with the same two views have other versions: what is
// made for one is kept for the others.
func (v *View) Partial(since *View, version uint32) []byte {
	f := v.form(since)
	f.once.Do(func() { f.before, f.after, f.cut = pidf.CutVersion(v.makePartial(since, version)) })
	if !f.cut {
		return v.makePartial(since, version)
	}
	const digits = 10 // of a version at most
	dst := make([]byte, 0, len(f.before)+digits+len(f.after))
	dst = append(dst, f.before...)
	dst = strconv.AppendUint(dst, uint64(version), 10)
	return append(dst, f.after...)
}

func (v *View) makePartial(since *View, version uint32) []byte {
	if since != nil {
		if body, ok := pidf.AppendDiff(nil, since.Document(), v.Document(), version); ok {
			return body
		}
	}
	return pidf.AppendFull(nil, v.Document(), version)
}

// form is a partial form without its version.
type form struct {
	since         uint64 // hash of the older view; 0: there is none
	once          sync.Once
	before, after []byte
	cut           bool
}

// maxForms is how many forms of one view are kept: slow watchers have older
// views than the last one.
const maxForms = 8

// form is the form since an older view, still to be made where it is new.
func (v *View) form(since *View) *form {
	older := uint64(0)
	if since != nil {
		older = since.Hash
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, have := range v.forms {
		if have.since == older {
			return have
		}
	}
	f := &form{since: older}
	if len(v.forms) < maxForms {
		v.forms = append(v.forms, f)
	}
	return f
}
