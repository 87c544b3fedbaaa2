package pidf

import "strings"

// verdict is what the schemas say of one element by itself.
type verdict string

const (
	free    verdict = "" // no schema has it: what stands in it is judged by itself
	valid   verdict = "valid"
	invalid verdict = "invalid"
)

// judge holds an element against its rule, if the schema of its namespace
// declares it globally: such a one is held against it wherever it stands
// (processContents lax).
func (d *Document) judge(i int32) verdict {
	local, ok := d.localName(i), false
	switch d.elements[i].namespace {
	case nsPIDF:
		if local != "presence" {
			return free
		}
	case nsDataModel:
		switch local {
		case "deviceID":
			ok = d.isURI(i)
		case "person", "device":
			ok = d.conformsDataModel(i, local == "device")
		default:
			return free
		}
	case nsRPID:
		return d.judgeRPID(i, local)
	case nsTimedStatus:
		if local != "timed-status" {
			return free
		}
		ok = d.conformsTimedStatus(i)
	case nsCIPID:
		switch local {
		case "card", "homepage", "icon", "map", "sound":
			ok = d.isURI(i)
		case "display-name":
			ok = d.isString(i)
		default:
			return free
		}
	case nsCapabilities:
		switch local {
		case "servcaps":
			ok = d.conformsCapabilities(i, serviceCapabilities)
		case "devcaps":
			ok = d.conformsCapabilities(i, deviceCapabilities)
		default:
			return free
		}
	case nsPlace:
		if !placeWords.has(local) {
			return free
		}
		ok = d.isEmpty(i)
	case nsNone, nsXML, nsXMLNS:
		return free
	default:
		return d.judgeOther(i)
	}
	return asVerdict(ok)
}

func asVerdict(ok bool) verdict {
	if ok {
		return valid
	}
	return invalid
}

func (d *Document) judgeRPID(i int32, local string) verdict {
	switch local {
	case "class":
		return asVerdict(d.isString(i))
	case "place-is":
		return asVerdict(d.conformsPlaceIs(i))
	case "status-icon":
		return asVerdict(d.hasSpan(i) && d.holdsURI(i))
	case "time-offset":
		return asVerdict(d.hasSpan(i) && isInteger(d.content(i)))
	case "user-input":
		return asVerdict(d.conformsUserInput(i))
	}
	if v := vocabularyOf(local); v != nil {
		return asVerdict(v.conforms(d, i))
	}
	return free
}

// conforms tells whether an element is valid where a schema has a wildcard with
// processContents lax: all elements in it that have a rule keep to it, and so
// do the attributes that any element may have.
func (d *Document) conforms(i int32) bool {
	for j := i; j < d.elements[i].next; {
		e := &d.elements[j]
		switch d.judge(j) {
		case invalid:
			return false
		case valid:
			j = e.next
			continue
		}
		if e.attrCount > 0 && !d.conformsAttributes(j) {
			return false
		}
		j++
	}
	return true
}

// conformsAttributes checks the attributes of other namespaces that have a
// schema.
func (d *Document) conformsAttributes(i int32) bool {
	e := &d.elements[i]
	for k := e.attrs; k < e.attrs+int32(e.attrCount); k++ {
		if !d.conformsAttribute(&d.attrs[k]) {
			return false
		}
	}
	return true
}

func (d *Document) conformsAttribute(a *attribute) bool {
	switch {
	case a.namespace >= uint16(len(wellKnown)): // a type that no schema has, or an attribute of resource lists
		namespace := d.namespace(a.namespace)
		return namespace != namespaceInstance && namespace != namespaceCopyControl
	case a.namespace != nsXML && a.namespace != nsPIDF:
		return true
	case a.namespace == nsPIDF && d.attrName(a) == "mustUnderstand":
		return isBoolean(d.body[a.value:a.valueEnd])
	case a.namespace == nsPIDF:
		return true
	}
	switch value := d.value(a); d.attrName(a) {
	case "lang":
		return value == "" || IsLanguage(value)
	case "space":
		return value == "default" || value == "preserve"
	case "base":
		return string(AppendURI(nil, value)) == d.body[a.value:a.valueEnd]
	}
	return true
}

// hasOnly tells whether all attributes of an element are among those named, of
// no namespace, and xml:lang where that is named.
func (d *Document) hasOnly(i int32, names ...string) bool {
	e := &d.elements[i]
next:
	for k := e.attrs; k < e.attrs+int32(e.attrCount); k++ {
		a := &d.attrs[k]
		for _, name := range names {
			if a.namespace == nsNone && d.attrName(a) == name || a.namespace == nsXML && name == "xml:lang" && d.attrName(a) == "lang" && d.conformsAttribute(a) {
				continue next
			}
		}
		return false
	}
	return true
}

// hasSpan checks the attributes of what has from, until, id and any other
// (RFC 4480 s.5.1).
func (d *Document) hasSpan(i int32) bool {
	return d.elements[i].attrCount == 0 || d.isOpen(i) && d.isTimeAttribute(i, "from") && d.isTimeAttribute(i, "until")
}

// isOpen checks the attributes of what may have any: none says that the element
// is of another type than its own, or none at all.
func (d *Document) isOpen(i int32) bool {
	e := &d.elements[i]
	for k := e.attrs; k < e.attrs+int32(e.attrCount); k++ {
		if a := &d.attrs[k]; a.namespace >= uint16(len(wellKnown)) && d.namespace(a.namespace) == namespaceInstance {
			return false
		}
	}
	return d.conformsAttributes(i)
}

// namespaceInstance is that of attributes by which a document chooses its types.
const namespaceInstance = "http://www.w3.org/2001/XMLSchema-instance"

// namespaceCopyControl has attributes for resource lists alone.
const namespaceCopyControl = "urn:ietf:params:xml:ns:copycontrol"

// find returns the value of an attribute as it is written.
func (d *Document) find(i int32, name string) (string, bool) {
	a := d.attribution(i, "", name)
	if a == nil {
		return "", false
	}
	return d.body[a.value:a.valueEnd], true
}

func (d *Document) isTimeAttribute(i int32, name string) bool {
	value, has := d.find(i, name)
	return !has || isDateTime(value)
}

func isDateTime(s string) bool {
	s = strings.Trim(s, " \t\r\n")
	return s != "" && normalTimestamp(s) == s
}

func isBoolean(s string) bool {
	s = strings.Trim(s, " \t\r\n")
	return s == "true" || s == "false" || s == "1" || s == "0"
}

func isInteger(s string) bool {
	s = strings.Trim(s, " \t\r\n")
	if s != "" && (s[0] == '-' || s[0] == '+') {
		s = s[1:]
	}
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func isPositive(s string) bool {
	return isInteger(s) && !strings.Contains(s, "-") && strings.ContainsAny(s, "123456789")
}

// isEmpty: neither attribute nor content.
func (d *Document) isEmpty(i int32) bool {
	e := &d.elements[i]
	return e.attrCount == 0 && e.open == e.close
}

func (d *Document) isText(i int32) bool { return d.firstChild(i) < 0 }

func (d *Document) isString(i int32) bool { return d.isText(i) && d.hasOnly(i) }

func (d *Document) isNote(i int32) bool { return d.isText(i) && d.hasOnly(i, "xml:lang") }

func (d *Document) isURI(i int32) bool { return d.hasOnly(i) && d.holdsURI(i) }

// holdsURI: the content is as AppendURI would write it.
func (d *Document) holdsURI(i int32) bool {
	return d.isText(i) && string(AppendURI(nil, d.text(i))) == strings.Trim(d.content(i), " \t\r\n")
}

// hasElementsOnly: no text stands between the children.
func (d *Document) hasElementsOnly(i int32) bool {
	at := d.elements[i].open
	for c := d.firstChild(i); c >= 0; c = d.sibling(c) {
		if !isGap(d.body[at:d.elements[c].start]) {
			return false
		}
		at = d.elements[c].end
	}
	return isGap(d.body[at:d.elements[i].close])
}

// isGap: white space and comments.
func isGap(s string) bool {
	return isBlank(s) || !strings.Contains(s, "&") && !strings.Contains(s, "<![CDATA[") && isBlank(decodeText(s))
}
