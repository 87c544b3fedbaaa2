package policy

import (
	"bytes"
	"slices"
	"strings"

	"presenced/pidf"
)

// Transform appends to dst what a watcher with these permissions may see of a
// presentity's composed document (RFC 5025 s.3.3): the devices, persons and
// services that are selected, and in them the attributes that are provided.
// The handling is not looked at. The result of a valid document is valid by the
// same schemas, and depends on nothing that the watcher may not see: not even
// the namespaces of hidden elements stay bound. Where nothing is left it is the
// document of [pidf.Offline].
//
// What RFC 5025 does not speak of:
//   - Notes of the presentity itself are the notes of those persons that have
//     none of their own (RFC 4479 s.5), and are shown with them.
//   - Other children of the presence element need AllAttributes.
//   - Extensions in a status are attributes of the service, as if they stood in
//     the tuple (RFC 4479 s.5). A status with nothing left is closed.
//
// Applied again, it changes nothing more (s.4), except where occurrences are
// selected by a class that is not provided.
func (p *Permissions) Transform(dst []byte, d *pidf.Document) []byte {
	if p.AllAttributes && p.Devices.All && p.Persons.All && p.Services.All {
		return append(dst, d.Bytes()...)
	}
	root := d.Root()
	t := transformation{permissions: p, body: d.Bytes(), out: dst, notes: p.showsNotesOf(root)}
	start := len(dst)
	for e := range root.Children() {
		before := len(t.out)
		if t.part(e); len(t.out) > before {
			t.out = append(t.out, '\n')
		}
	}
	if len(t.out) == start {
		return append(dst, pidf.Offline(d.Entity())...)
	}
	t.copy(root.Close(), root.End())
	t.out = append(t.out, '\n')
	var space [512]byte
	return slices.Insert(t.out, start, t.head(space[:0], root, t.out[start:])...)
}

// transformation writes the children of the presence element that are shown.
type transformation struct {
	permissions *Permissions
	body        string
	out         []byte
	notes       bool // those of the presentity are shown
}

// part writes a child of the presence element as far as it is shown.
func (t *transformation) part(e pidf.Element) {
	p := t.permissions
	kind := componentOf(e.Name())
	switch {
	case kind != none:
		if p.selection(kind).selects(e) {
			t.component(kind, e)
		}
	case e.Name() == noteName:
		if t.notes {
			t.copy(e.Start(), e.End())
		}
	case p.AllAttributes:
		t.copy(e.Start(), e.End())
	}
}

// showsNotesOf tells whether the presentity's own notes are shown: whether they
// are the notes of a person that is.
func (p *Permissions) showsNotesOf(root pidf.Element) bool {
	switch {
	case !p.Note && !p.AllAttributes:
		return false
	case p.Persons.All:
		return true
	}
	for e := range root.Children() {
		if componentOf(e.Name()) == person && p.Persons.selects(e) && !hasChild(e, personNoteName) {
			return true
		}
	}
	return false
}

func hasChild(e pidf.Element, name pidf.Name) bool {
	for child := range e.Children() {
		if child.Name() == name {
			return true
		}
	}
	return false
}

// component writes a device, person or service with the attributes that are
// shown.
func (t *transformation) component(kind component, e pidf.Element) {
	if t.permissions.AllAttributes {
		t.copy(e.Start(), e.End())
		return
	}
	t.startTag(e, structural)
	for child := range e.Children() {
		if kind == service && child.Name() == statusName {
			t.status(child)
		} else {
			t.attribute(kind, child)
		}
	}
	t.copy(e.Close(), e.End())
}

// attribute writes a presence attribute if it is shown.
func (t *transformation) attribute(kind component, e pidf.Element) {
	switch name := e.Name(); {
	case !t.permissions.shows(kind, name):
	case name == userInputName:
		t.startTag(e, t.permissions.UserInput.keeps())
		t.copy(e.Open(), e.End())
	default:
		t.copy(e.Start(), e.End())
	}
}

// status writes the status of a service. RFC 3863 s.4.1.3 wants a child: one
// that says nothing is closed, as [pidf.Compose] has it.
func (t *transformation) status(e pidf.Element) {
	t.startTag(e, structural)
	start := len(t.out)
	for child := range e.Children() {
		t.attribute(service, child)
	}
	if len(t.out) > start {
		t.copy(e.Close(), e.End())
		return
	}
	if e.Close() == e.End() {
		t.out = append(bytes.TrimSuffix(t.out, []byte("/>")), '>')
	}
	name := e.QualifiedName()
	basic := strings.TrimSuffix(name, statusName.Local) + "basic"
	t.out = append(t.out, "<"+basic+">closed</"+basic+"></"+name+">"...)
}

func (t *transformation) copy(start, end int) { t.out = append(t.out, t.body[start:end]...) }

// startTag writes a start tag with its namespace declarations and the
// attributes that are kept.
func (t *transformation) startTag(e pidf.Element, keep func(pidf.Attribute) bool) {
	at := e.Start()
	for a := range e.Attributes() {
		if keep(a) {
			continue
		}
		t.copy(at, a.Start)
		t.out = bytes.TrimRight(t.out, " \t\r\n")
		at = a.End
	}
	t.copy(at, e.Open())
}

// structural tells whether an XML attribute belongs to the frame of the
// document, and not to presence information.
func structural(a pidf.Attribute) bool {
	return a.Namespace == xmlNamespace || a.Namespace == "" && (a.Local == "id" || a.Local == "entity")
}

// head appends the XML declaration and the start tag of the presence element,
// with the namespaces that the content uses.
func (t *transformation) head(dst []byte, root pidf.Element, content []byte) []byte {
	dst = append(dst, `<?xml version="1.0" encoding="UTF-8"?>`+"\n<"...)
	dst = append(dst, root.QualifiedName()...)
	own, _, _ := strings.Cut(root.QualifiedName(), ":")
	for prefix, namespace := range root.Declarations() {
		switch {
		case prefix == "":
			dst = append(dst, ` xmlns="`...)
		case prefix == own || pidf.MentionsPrefix(content, prefix):
			dst = append(dst, " xmlns:"...)
			dst = append(dst, prefix...)
			dst = append(dst, `="`...)
		default:
			continue
		}
		dst = append(pidf.AppendValue(dst, namespace), '"')
	}
	for a := range root.Attributes() {
		if structural(a) {
			dst = append(dst, ' ')
			dst = append(dst, t.body[a.Start:a.End]...)
		}
	}
	return append(dst, ">\n"...)
}
