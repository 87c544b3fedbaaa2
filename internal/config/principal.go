package config

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Principal is one whom this agent can authenticate. Those kept in the store come on top.
type Principal struct {
	URI      string               // Canonical address-of-record: "sip:alice@example.com".
	User     string               // The user part, unescaped; the username of digest credentials.
	Domain   string               // The host part, one of the domains; the realm of digest credentials.
	Password Secret               // In the clear; empty where HA1 is given.
	HA1      map[Algorithm]Secret // H(User:Domain:password) in lower-case hexadecimal, by algorithm.
}

// ha1Length is the number of hexadecimal digits of each algorithm's result.
var ha1Length = map[Algorithm]int{MD5: 32, SHA256: 64, SHA512256: 64}

// principals reads [[principal]].
func (r *reader) principals(key string, to *[]Principal) {
	for _, k := range []string{"uri", "password", "ha1", "ha1.MD5", "ha1.SHA-256", "ha1.SHA-512-256"} {
		r.known[key+"."+k] = true
	}
	v, ok := r.tree[key]
	if !ok {
		return
	}
	values, ok := v.([]any)
	if !ok {
		r.fail(key, "is a list of tables: write [[principal]]")
		return
	}
	seen := map[string]int{}
	for i, v := range values {
		element := fmt.Sprintf("%s[%d]", key, i)
		table, ok := v.(map[string]any)
		if !ok {
			r.wrongKind(element, "a table", v)
			continue
		}
		p, ok := r.principal(element, table)
		if !ok {
			continue
		}
		if line, twice := seen[p.URI]; twice {
			r.fail(element+".uri", "%s stands already in line %d", p.URI, line)
			continue
		}
		seen[p.URI] = r.line(element + ".uri")
		*to = append(*to, p)
	}
}

// addresses reads a list of addresses-of-record, as they are compared.
func (r *reader) addresses(key string, to *[]string) {
	words, ok := r.strings(key)
	if !ok {
		return
	}
	*to = nil
	for i, w := range words {
		user, domain, err := parseAddressOfRecord(w)
		if err != nil {
			r.fail(fmt.Sprintf("%s[%d]", key, i), "%v", err)
			continue
		}
		*to = append(*to, "sip:"+user+"@"+domain)
	}
}

func (r *reader) principal(element string, table map[string]any) (Principal, bool) {
	var p Principal
	uri, ok := table["uri"].(string)
	if !ok {
		r.fail(element+".uri", `is missing or not a string; write uri = "sip:alice@example.com"`)
		return p, false
	}
	user, domain, err := parseAddressOfRecord(uri)
	if err != nil {
		r.fail(element+".uri", "%v", err)
		return p, false
	}
	p.User, p.Domain = user, domain
	p.URI = "sip:" + user + "@" + domain
	password, hasPassword := table["password"]
	ha1, hasHA1 := table["ha1"]
	switch {
	case hasPassword && hasHA1:
		r.fail(element+".ha1", "%s has a password and ha1; only one of them can be right", p.URI)
	case hasPassword:
		s, ok := password.(string)
		if !ok || s == "" {
			r.fail(element+".password", "takes a string that is not empty")
			return p, false
		}
		p.Password = NewSecret(s)
	case hasHA1:
		return p, r.ha1(element+".ha1", ha1, &p)
	default:
		r.fail(element+".uri", "%s has neither password nor ha1", p.URI)
		return p, false
	}
	return p, hasPassword != hasHA1
}

func (r *reader) ha1(key string, v any, p *Principal) bool {
	table, ok := v.(map[string]any)
	if !ok || len(table) == 0 {
		r.fail(key, `takes a table such as { MD5 = "...", SHA-256 = "..." }`)
		return false
	}
	p.HA1 = make(map[Algorithm]Secret, len(table))
	for name, v := range table {
		length, known := ha1Length[Algorithm(name)]
		if !known {
			continue // unknownKeys reports it
		}
		s, ok := v.(string)
		if _, err := hex.DecodeString(s); !ok || err != nil || len(s) != length {
			r.fail(key+"."+name, "takes a string of %d hexadecimal digits", length)
			return false
		}
		p.HA1[Algorithm(name)] = NewSecret(strings.ToLower(s))
	}
	return true
}

// checkPrincipals holds the principals against the domains and the algorithms.
func (r *reader) checkPrincipals(c *Config) {
	for i, p := range c.Principals {
		element := fmt.Sprintf("principal[%d]", i)
		if !c.Local(p.Domain) {
			r.fail(element+".uri", "%s is in none of the domains %s", p.URI, quoted(c.Domains))
		}
		if len(p.HA1) == 0 {
			continue
		}
		missing := slices.DeleteFunc(slices.Clone(c.Auth.Algorithms), func(a Algorithm) bool {
			_, ok := p.HA1[a]
			return ok
		})
		switch len(missing) {
		case 0:
		case len(c.Auth.Algorithms):
			r.fail(element+".ha1", "%s has no hash for the algorithms offered: %s", p.URI, quoted(missing))
		default:
			r.warn(element+".ha1", "%s has no hash for %s; a client that answers with it is refused", p.URI, quoted(missing))
		}
	}
}

// parseAddressOfRecord reads a SIP URI, with or without "sip:", in the canonical form of RFC 3261 s.10.3, step 5: no parameters, no
// escapes. It has no port and no password either, as it names a principal and not a place.
func parseAddressOfRecord(s string) (user, domain string, err error) {
	bare := s
	if len(s) >= 4 && strings.EqualFold(s[:4], "sip:") {
		bare = s[4:]
	} else if name, _, _ := strings.Cut(s, "@"); strings.Contains(name, ":") {
		return "", "", errors.New("is not a SIP URI such as \"sip:alice@example.com\"")
	}
	user, domain, ok := strings.Cut(bare, "@")
	if !ok || user == "" {
		return "", "", fmt.Errorf("%q has no user; write \"sip:alice@example.com\"", s)
	}
	if strings.ContainsRune(user, ':') {
		return "", "", errors.New("the URI holds a password; it has a key of its own")
	}
	if user, err = unescape(user); err != nil {
		return "", "", fmt.Errorf("%q: %w", s, err)
	}
	if strings.ContainsFunc(user, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\ufffd' }) {
		return "", "", fmt.Errorf("%q has control characters in its user", s)
	}
	if strings.ContainsAny(domain, ";?") {
		return "", "", fmt.Errorf("%q has parameters, which an address-of-record has not", s)
	}
	host, err := canonicalHost(domain)
	if err != nil {
		return "", "", fmt.Errorf("%q: the domain %w", s, err)
	}
	return user, host, nil
}

var errEscape = errors.New("a % is not followed by two hexadecimal digits")

// unescape replaces each %HH by its byte (RFC 3261 s.19.1.2).
func unescape(s string) (string, error) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "%")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		if len(after) < 2 {
			return "", errEscape
		}
		c, err := hex.DecodeString(after[:2])
		if err != nil {
			return "", errEscape
		}
		b.Write(c)
		s = after[2:]
	}
}
