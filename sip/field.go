package sip

import "strings"

// field is a header field that we know by number. 0 is any other.
type field uint8

const (
	fieldOther field = iota
	fieldAccept
	fieldAcceptContact
	fieldAcceptEncoding
	fieldAcceptLanguage
	fieldAllow
	fieldAllowEvents
	fieldAuthorization
	fieldCallID
	fieldContact
	fieldContentDisposition
	fieldContentEncoding
	fieldContentLength
	fieldContentType
	fieldCSeq
	fieldDate
	fieldEvent
	fieldExpires
	fieldFrom
	fieldIdentity
	fieldMaxForwards
	fieldMinExpires
	fieldPAssertedIdentity
	fieldPPreferredIdentity
	fieldPath
	fieldPrivacy
	fieldProxyAuthenticate
	fieldProxyAuthorization
	fieldProxyRequire
	fieldRecordRoute
	fieldReferTo
	fieldReferredBy
	fieldRejectContact
	fieldRequestDisposition
	fieldRequire
	fieldRetryAfter
	fieldRoute
	fieldServer
	fieldSessionExpires
	fieldSIPETag
	fieldSIPIfMatch
	fieldSubject
	fieldSubscriptionState
	fieldSupported
	fieldSuppressIfMatch
	fieldTimestamp
	fieldTo
	fieldUnsupported
	fieldUserAgent
	fieldVia
	fieldWarning
	fieldWWWAuthenticate
	fieldCount
)

// fieldNames gives each field's long name and, after a space, its compact
// form (RFC 3261 s.7.3.3 and the IANA registry).
var fieldNames = [fieldCount]string{
	fieldAccept:             "Accept",
	fieldAcceptContact:      "Accept-Contact a",
	fieldAcceptEncoding:     "Accept-Encoding",
	fieldAcceptLanguage:     "Accept-Language",
	fieldAllow:              "Allow",
	fieldAllowEvents:        "Allow-Events u",
	fieldAuthorization:      "Authorization",
	fieldCallID:             "Call-ID i",
	fieldContact:            "Contact m",
	fieldContentDisposition: "Content-Disposition",
	fieldContentEncoding:    "Content-Encoding e",
	fieldContentLength:      "Content-Length l",
	fieldContentType:        "Content-Type c",
	fieldCSeq:               "CSeq",
	fieldDate:               "Date",
	fieldEvent:              "Event o",
	fieldExpires:            "Expires",
	fieldFrom:               "From f",
	fieldIdentity:           "Identity y",
	fieldMaxForwards:        "Max-Forwards",
	fieldMinExpires:         "Min-Expires",
	fieldPAssertedIdentity:  "P-Asserted-Identity",
	fieldPPreferredIdentity: "P-Preferred-Identity",
	fieldPath:               "Path",
	fieldPrivacy:            "Privacy",
	fieldProxyAuthenticate:  "Proxy-Authenticate",
	fieldProxyAuthorization: "Proxy-Authorization",
	fieldProxyRequire:       "Proxy-Require",
	fieldRecordRoute:        "Record-Route",
	fieldReferTo:            "Refer-To r",
	fieldReferredBy:         "Referred-By b",
	fieldRejectContact:      "Reject-Contact j",
	fieldRequestDisposition: "Request-Disposition d",
	fieldRequire:            "Require",
	fieldRetryAfter:         "Retry-After",
	fieldRoute:              "Route",
	fieldServer:             "Server",
	fieldSessionExpires:     "Session-Expires x",
	fieldSIPETag:            "SIP-ETag",
	fieldSIPIfMatch:         "SIP-If-Match",
	fieldSubject:            "Subject s",
	fieldSubscriptionState:  "Subscription-State",
	fieldSupported:          "Supported k",
	fieldSuppressIfMatch:    "Suppress-If-Match",
	fieldTimestamp:          "Timestamp",
	fieldTo:                 "To t",
	fieldUnsupported:        "Unsupported",
	fieldUserAgent:          "User-Agent",
	fieldVia:                "Via v",
	fieldWarning:            "Warning",
	fieldWWWAuthenticate:    "WWW-Authenticate",
}

// String is the field's long name.
func (f field) String() string { return longNames[f] }

var longNames = makeLongNames()

func makeLongNames() (names [fieldCount]string) {
	for f := range names {
		names[f], _, _ = strings.Cut(fieldNames[f], " ")
	}
	return names
}

type fieldName struct {
	name  string
	field field
}

var fieldTable = makeFieldTable()

func makeFieldTable() (table [256][]fieldName) {
	for f := fieldOther + 1; f < fieldCount; f++ {
		for _, name := range strings.Fields(fieldNames[f]) {
			h := fieldHash(name)
			table[h] = append(table[h], fieldName{name, f})
		}
	}
	return table
}

// fieldHash spreads the known names by length, first and last letter, in any
// case. name is not empty.
func fieldHash(name string) uint8 {
	return uint8(len(name)*37) ^ (name[0]|0x20)*5 ^ (name[len(name)-1]|0x20)*11
}

// fieldOf finds a field by its long name or compact form in any case.
// RFC 3261 s.7.3.1: field names are case-insensitive.
func fieldOf(name string) field {
	if name == "" {
		return fieldOther
	}
	for _, known := range fieldTable[fieldHash(name)] {
		if known.name == name || equalFold(known.name, name) {
			return known.field
		}
	}
	return fieldOther
}

// single marks the fields whose second appearance makes a request malformed:
// RFC 3261 s.7.3.1 and RFC 4475 s.3.3.8 for those of
// RFC 3261, RFC 6665 s.8.2.1 for Event, RFC 3903 s.11.3.2 for SIP-If-Match.
var single = [fieldCount]bool{
	fieldFrom: true, fieldTo: true, fieldCallID: true, fieldCSeq: true, fieldMaxForwards: true,
	fieldContentLength: true, fieldContentType: true, fieldEvent: true, fieldExpires: true, fieldSIPIfMatch: true,
}
