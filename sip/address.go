package sip

import (
	"errors"
	"strings"
)

// Address is a name-addr or addr-spec with its header parameters, as From, To,
// Contact, Route, P-Asserted-Identity and others have it (RFC 3261 s.20.10).
type Address struct {
	Display string // without quotes and their escapes
	URI     URI
	Params  Params // the field's, not the URI's
	Star    bool   // "*", in Contact alone
	Raw     string // as it was written
}

var errAddress = errors.New("malformed address")

// ParseAddress reads one address. Without <> all parameters are the field's
// (RFC 3261 s.20).
func ParseAddress(s string) (*Address, error) {
	a := new(Address)
	if err := a.parse(s); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *Address) parse(s string) error {
	s = trim(s)
	a.Raw = s
	if s == "*" {
		a.Star = true
		return nil
	}
	display, uri, params, ok := cutAddress(s)
	if !ok {
		return errAddress
	}
	a.Display, a.Params = unquote(display), Params(params)
	return a.URI.parse(uri)
}

// complete parses what cutTagged has left, once. a is raw's.
func (a *Address) complete(raw, uri string, read *bool) (*Address, error) {
	if *read {
		return a, nil
	}
	if err := a.URI.parse(uri); err != nil {
		a.URI = URI{}
		return nil, err
	}
	a.Raw, a.Display, *read = raw, unquote(a.Display), true
	return a, nil
}

// Tag is the tag parameter, "" where there is none.
func (a *Address) Tag() string {
	tag, _ := a.Params.Get("tag")
	return tag
}

// cutAddress divides an address without looking into its URI. White space
// inside <> is let pass at both ends (RFC 4475 s.3.1.2.14 has it and we know
// what is meant).
func cutAddress(s string) (display, uri, params string, ok bool) {
	open := indexOutsideQuotes(s, '<')
	if open < 0 {
		if strings.IndexByte(s, '"') == 0 {
			return "", "", "", false
		}
		uri = s
		if i := strings.IndexByte(s, ';'); i >= 0 {
			uri, params = s[:i], s[i:]
		}
		uri = trim(uri)
		// RFC 3261 s.20.10: a URI with a comma or question mark stands in <>.
		return "", uri, params, uri != "" && !containsAny(uri, &notBare) && paramsValid(params)
	}
	display = trim(s[:open])
	if !displayValid(display) {
		return "", "", "", false
	}
	n := strings.IndexByte(s[open:], '>')
	if n < 0 {
		return "", "", "", false
	}
	uri, params = trim(s[open+1:open+n]), trim(s[open+n+1:])
	return display, uri, params, uri != "" && paramsValid(params)
}

var notBare = charSet(",?")

// indexOutsideQuotes finds c outside of quoted strings; -1 if it is not there
// or a quote is not closed before it.
func indexOutsideQuotes(s string, c byte) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case c:
			return i
		case '"':
			n := quotedLen(s[i:])
			if n < 0 {
				return -1
			}
			i += n - 1
		}
	}
	return -1
}

// displayValid takes a quoted string or words. Words may have any character
// but those that divide addresses: clients write dots, parentheses and UTF-8
// where RFC 3261 s.25.1 has tokens alone.
func displayValid(s string) bool {
	if s != "" && s[0] == '"' {
		return quotedLen(s) == len(s)
	}
	return !containsAny(s, &notInDisplay)
}

var notInDisplay = charSet(`",;:`)

// paramsValid says whether params is empty or starts as parameters do and
// closes its quotes.
func paramsValid(params string) bool {
	if params == "" {
		return true
	}
	if params[0] != ';' {
		return false
	}
	for i := 0; i < len(params); i++ {
		switch params[i] {
		case '"':
			n := quotedLen(params[i:])
			if n < 0 {
				return false
			}
			i += n - 1
		case ',', '<', '>':
			return false
		}
	}
	return true
}
