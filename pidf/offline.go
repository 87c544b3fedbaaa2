package pidf

const rootClose = "</presence>\n"

// DefaultPending is the note of a pending watcher's document where the caller
// gives none.
const DefaultPending = "Waiting for the decision of the presentity."

// Offline returns the document of a presentity that is offline: one closed
// tuple and nothing else. It is also what a politely blocked watcher gets, and
// must not tell one from the other: therefore it has no timestamp, and depends
// on nothing but the entity (RFC 3856 s.6.6.2).
func Offline(entity string) []byte { return appendOffline(nil, entity) }

// Pending returns the document for a watcher about whom the presentity has not
// decided yet. It reveals nothing; a note says why (RFC 3856 s.6.6.2). An empty
// note stands for DefaultPending.
func Pending(entity, note string) []byte {
	if note == "" {
		note = DefaultPending
	}
	dst := appendRoot(nil, entity, nil)
	dst = append(dst, offlineTuple...)
	dst = appendNote(dst, "note", Note{Text: note})
	return append(dst, "\n"+rootClose...)
}

const offlineTuple = `<tuple id="offline"><status><basic>closed</basic></status></tuple>` + "\n"

func appendOffline(dst []byte, entity string) []byte {
	dst = appendRoot(dst, entity, nil)
	dst = append(dst, offlineTuple...)
	return append(dst, rootClose...)
}

// appendRoot writes the XML declaration and the start of the presence element.
// PIDF's is the default namespace: some phones find no tuple with a prefix.
func appendRoot(dst []byte, entity string, scope []declared) []byte {
	dst = append(dst, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+`<presence xmlns="`+Namespace+`"`...)
	for _, s := range scope {
		dst = appendDeclaration(dst, s.prefix, s.namespace)
	}
	dst = append(dst, ` entity="`...)
	dst = AppendURI(dst, entity)
	return append(dst, "\">\n"...)
}

func appendElement(dst []byte, name, text string) []byte {
	dst = append(dst, '<')
	dst = append(dst, name...)
	dst = append(dst, '>')
	dst = AppendText(dst, text)
	dst = append(dst, "</"...)
	dst = append(dst, name...)
	return append(dst, '>')
}
