package watcherinfo

import (
	"strconv"
	"time"

	"presenced/pidf"
)

const (
	head = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<watcherinfo xmlns="` + Namespace + `" version="`
	tail = "</watcherinfo>\n"
)

// Append appends a document to dst, valid by the schema of RFC 3858 s.6.
// Watchers with a status or an event that the schema does not have, Init say,
// are left out. Ids are expected to be tokens and unique; URIs are
// percent-encoded where needed.
func Append(dst []byte, d *Document) []byte {
	dst = append(dst, head...)
	dst = strconv.AppendUint(dst, uint64(d.Version), 10)
	if d.Full {
		dst = append(dst, `" state="full">`...)
	} else {
		dst = append(dst, `" state="partial">`...)
	}
	dst = append(dst, '\n')
	for i := range d.Lists {
		dst = d.Lists[i].append(dst)
	}
	return append(dst, tail...)
}

// AppendVersion appends to dst a document that [Append] has written, with
// another version: versions count per subscription, while what has changed is
// the same for many.
func AppendVersion(dst, document []byte, version uint32) []byte {
	dst = append(dst, head...)
	dst = strconv.AppendUint(dst, uint64(version), 10)
	rest := document[len(head):]
	for len(rest) > 0 && rest[0] >= '0' && rest[0] <= '9' {
		rest = rest[1:]
	}
	return append(dst, rest...)
}

func (l *List) append(dst []byte) []byte {
	dst = append(dst, `<watcher-list resource="`...)
	dst = pidf.AppendURI(dst, l.Resource)
	dst = append(dst, `" package="`...)
	dst = pidf.AppendValue(dst, l.Package)
	dst = append(dst, "\">\n"...)
	for i := range l.Watchers {
		dst = l.Watchers[i].append(dst)
	}
	return append(dst, "</watcher-list>\n"...)
}

func (w *Watcher) append(dst []byte) []byte {
	if w.Status.Code() == 0 || w.Event.Code() == 0 {
		return dst
	}
	dst = append(dst, `<watcher id="`...)
	dst = pidf.AppendValue(dst, w.ID)
	dst = append(dst, `" status="`...)
	dst = append(dst, w.Status...)
	dst = append(dst, `" event="`...)
	dst = append(dst, w.Event...)
	dst = append(dst, '"')
	if w.DisplayName != "" {
		dst = append(dst, ` display-name="`...)
		dst = append(pidf.AppendValue(dst, w.DisplayName), '"')
		if pidf.IsLanguage(w.Lang) {
			dst = append(dst, ` xml:lang="`...)
			dst = append(dst, w.Lang...)
			dst = append(dst, '"')
		}
	}
	dst = appendSeconds(dst, ` expiration="`, w.Expiration)
	dst = appendSeconds(dst, ` duration-subscribed="`, w.Subscribed)
	dst = append(dst, '>')
	dst = pidf.AppendURI(dst, w.URI)
	return append(dst, "</watcher>\n"...)
}

func appendSeconds(dst []byte, attribute string, d time.Duration) []byte {
	if d < 0 {
		return dst
	}
	dst = append(dst, attribute...)
	dst = strconv.AppendUint(dst, uint64(d/time.Second), 10)
	return append(dst, '"')
}
