package pidf

// Namespace names of the formats that this package reads and writes.
const (
	Namespace          = "urn:ietf:params:xml:ns:pidf"            // RFC 3863 s.4.1.1
	NamespaceDataModel = "urn:ietf:params:xml:ns:pidf:data-model" // RFC 4479 s.5.1.2
	NamespaceRPID      = "urn:ietf:params:xml:ns:pidf:rpid"       // RFC 4480 s.5.1

	NamespaceTimedStatus  = "urn:ietf:params:xml:ns:pidf:timed-status" // RFC 4481 s.5
	NamespaceCIPID        = "urn:ietf:params:xml:ns:pidf:cipid"        // RFC 4482 s.5
	NamespaceCapabilities = "urn:ietf:params:xml:ns:pidf:caps"         // RFC 5196 s.6
	NamespaceLocation     = "urn:ietf:params:xml:ns:pidf:geopriv10"    // RFC 4119 s.2.2.5
	NamespacePlace        = "urn:ietf:params:xml:ns:location-type"     // RFC 4589 s.4
)

const (
	namespaceXML   = "http://www.w3.org/XML/1998/namespace"
	namespaceXMLNS = "http://www.w3.org/2000/xmlns/"
)

// Numbers of the namespaces that every document knows. Others are numbered
// from len(wellKnown) on, in the order of their first declaration.
const (
	nsNone uint16 = iota
	nsXML
	nsXMLNS
	nsPIDF
	nsDataModel
	nsRPID
	nsTimedStatus
	nsCIPID
	nsCapabilities
	nsPlace
)

var wellKnown = [...]string{
	"", namespaceXML, namespaceXMLNS, Namespace, NamespaceDataModel, NamespaceRPID,
	NamespaceTimedStatus, NamespaceCIPID, NamespaceCapabilities, NamespacePlace,
}

// binding is one namespace declaration. The bindings in scope at an element
// are a list from the innermost outwards, shared with the element's siblings.
type binding struct {
	start     int32 // offset of the prefix
	outer     int32 // next binding outwards, -1 for none
	count     int32 // length of the list from here
	prefix    uint16
	namespace uint16
}

func (d *Document) namespace(number uint16) string {
	if int(number) < len(wellKnown) {
		return wellKnown[number]
	}
	return d.foreign[int(number)-len(wellKnown)]
}

func (d *Document) prefixOf(b int32) string {
	return d.body[d.bindings[b].start : d.bindings[b].start+int32(d.bindings[b].prefix)]
}

// lookup finds the binding of a prefix ("" is the default namespace) in a
// scope, -1 if there is none.
func (d *Document) lookup(scope int32, prefix string) int32 {
	for b := scope; b >= 0; b = d.bindings[b].outer {
		if d.prefixOf(b) == prefix {
			return b
		}
	}
	return -1
}

// number finds or gives a namespace's number. It is false when the document
// has more namespaces than the limit.
func (d *Document) number(name string, limit int) (uint16, bool) {
	switch name {
	case "":
		return nsNone, true
	case Namespace:
		return nsPIDF, true
	case NamespaceDataModel:
		return nsDataModel, true
	case NamespaceRPID:
		return nsRPID, true
	case NamespaceTimedStatus:
		return nsTimedStatus, true
	case NamespaceCIPID:
		return nsCIPID, true
	case NamespaceCapabilities:
		return nsCapabilities, true
	case NamespacePlace:
		return nsPlace, true
	case namespaceXML:
		return nsXML, true
	case namespaceXMLNS:
		return nsXMLNS, true
	}
	for i, known := range d.foreign {
		if known == name {
			return uint16(len(wellKnown) + i), true
		}
	}
	if len(d.foreign) >= limit {
		return 0, false
	}
	d.foreign = append(d.foreign, name)
	return uint16(len(wellKnown) + len(d.foreign) - 1), true
}
