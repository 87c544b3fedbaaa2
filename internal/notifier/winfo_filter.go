package notifier

import (
	"presenced/internal/filter"
	"presenced/pidf"
	"presenced/watcherinfo"
)

// Watcher information through a filter is always full state (RFC 4660 s.7.2):
// what a filter leaves of partial state would not tell who has left it. With it
// are, once, those that have ended since the last document.

var winfoReader = pidf.Reader{
	MaxSize: 64 << 20, MaxElements: 1 << 20, MaxAttributes: 8 << 20,
	Root: pidf.Name{Namespace: watcherinfo.Namespace, Local: "watcherinfo"},
}

// filtered is the document number count with what the filter of a key leaves.
func (w *watchers) filtered(view, key string, old *watchers, count uint32) Body {
	body := w.whole(view, old, count)
	f, err := filter.Of(key)
	if err != nil {
		return body
	}
	var d pidf.Document
	if err := winfoReader.Read(&d, body.Bytes); err != nil {
		return body
	}
	if body.Bytes = f.Apply(nil, &d); len(body.Bytes) == 0 {
		body.Type = ""
	}
	return body
}

func (w *watchers) whole(view string, old *watchers, count uint32) Body {
	list := w.list(view, old, false)
	return w.body(view, watcherinfo.Document{Version: count - 1, Full: true, Lists: []watcherinfo.List{list}})
}

// Triggers is Filtered's.
func (w *watchers) Triggers(view string, f *filter.Filter, since State) bool {
	old, ok := since.(*watchers)
	if !ok {
		return true
	}
	view = unfiltered(view)
	var was, is pidf.Document
	if winfoReader.Read(&was, old.whole(view, nil, 1).Bytes) != nil || winfoReader.Read(&is, w.whole(view, old, 1).Bytes) != nil {
		return true
	}
	return f.Triggers(&was, &is)
}
