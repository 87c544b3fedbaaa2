package digest

import (
	"errors"
	"fmt"
	"strings"
)

// MaxField is the longest field value, in bytes, that is read. Real ones have 200 to 400.
const MaxField = 4096

const maxParams = 32

// ErrScheme: the field's scheme is not Digest. Such a field is ignored (RFC 8760 s.2.4), and Basic above all
// (RFC 8760 s.2.6: never accepted).
var ErrScheme = errors.New("digest: the scheme is not Digest")

// ErrSyntax is wrapped by every error about a field that cannot be read. The text never holds the field's values.
var ErrSyntax = errors.New("digest: malformed field")

func syntaxError(what string) error { return fmt.Errorf("%w: %s", ErrSyntax, what) }

// params walks over auth-params, `name = token` or `name = quoted-string`, split by commas (RFC 3261 s.25.1).
type params struct {
	rest string
	read int
}

// openParams checks the scheme and returns the parameters behind it.
func openParams(field string) (params, error) {
	if len(field) > MaxField {
		return params{}, syntaxError("too long")
	}
	field = skipSpace(field) // COMPAT: linphone puts two spaces after "Authorization:"
	const scheme = "Digest"
	if len(field) <= len(scheme) || !strings.EqualFold(field[:len(scheme)], scheme) || !isSpace(field[len(scheme)]) {
		return params{}, ErrScheme
	}
	return params{rest: field[len(scheme):]}, nil
}

// isSpace says whether b is part of LWS, folded lines among it.
func isSpace(b byte) bool { return b == ' ' || b == '\t' || b == '\r' || b == '\n' }

func skipSpace(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	return s
}

// next returns the next parameter, its name in lower case and its value without quotes. After the last one the name is
// empty. Empty list elements are skipped, and so is white space around every separator.
func (p *params) next() (name, value string, err error) {
	for p.rest = skipSpace(p.rest); p.rest != "" && p.rest[0] == ','; {
		p.rest = skipSpace(p.rest[1:])
	}
	if p.rest == "" {
		return "", "", nil
	}
	if p.read++; p.read > maxParams {
		return "", "", syntaxError("too many parameters")
	}
	if name, err = p.name(); err != nil {
		return "", "", err
	}
	if strings.HasPrefix(p.rest, `"`) {
		value, err = p.quoted()
	} else {
		value = p.token()
	}
	if err != nil {
		return "", "", err
	}
	if hasControl(value) {
		return "", "", syntaxError("control character in a value")
	}
	return name, value, p.separator()
}

// name reads a name and the equals sign behind it.
func (p *params) name() (string, error) {
	end := 0
	for end < len(p.rest) && !isSpace(p.rest[end]) && p.rest[end] != '=' && p.rest[end] != ',' && p.rest[end] != '"' {
		end++
	}
	name, rest := p.rest[:end], skipSpace(p.rest[end:])
	if name == "" || rest == "" || rest[0] != '=' {
		return "", syntaxError("parameter without a name or value")
	}
	p.rest = skipSpace(rest[1:])
	return lowerCase(name), nil
}

// lowerCase is strings.ToLower, faster where nothing is to be done.
func lowerCase(name string) string {
	for i := 0; i < len(name); i++ {
		if c := name[i]; c >= 'A' && c <= 'Z' || c >= 0x80 {
			return strings.ToLower(name)
		}
	}
	return name
}

// token reads an unquoted value. It may be a URI where a sender forgot the quotes, so only comma and space end it.
func (p *params) token() string {
	end := 0
	for end < len(p.rest) && p.rest[end] != ',' && !isSpace(p.rest[end]) {
		end++
	}
	value := p.rest[:end]
	p.rest = p.rest[end:]
	return value
}

// quoted reads a quoted-string and removes quotes and quoting slashes (RFC 7616 s.3.3, "unq").
func (p *params) quoted() (string, error) {
	s := p.rest[1:]
	end := strings.IndexByte(s, '"')
	if end >= 0 && strings.IndexByte(s[:end], '\\') < 0 {
		p.rest = s[end+1:]
		return s[:end], nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			p.rest = s[i+1:]
			return b.String(), nil
		case '\\':
			if i++; i == len(s) {
				return "", syntaxError("open quoted-string")
			}
		}
		b.WriteByte(s[i])
	}
	return "", syntaxError("open quoted-string")
}

// separator wants a comma or the end behind a value.
func (p *params) separator() error {
	p.rest = skipSpace(p.rest)
	if p.rest != "" && p.rest[0] != ',' {
		return syntaxError("no comma between parameters")
	}
	return nil
}

func hasControl(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f {
			return true
		}
	}
	return false
}

// appendQuoted appends name="value" with quoting slashes where they are needed.
func appendQuoted(dst []byte, name, value string) []byte {
	dst = append(dst, name...)
	dst = append(dst, '=', '"')
	if strings.IndexByte(value, '"') < 0 && strings.IndexByte(value, '\\') < 0 {
		return append(append(dst, value...), '"')
	}
	for i := 0; i < len(value); i++ {
		if value[i] == '"' || value[i] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, value[i])
	}
	return append(dst, '"')
}

// set stores value in *field, and refuses a parameter that came before.
func set(field *string, seen *uint16, bit uint16, value string) error {
	if *seen&bit != 0 {
		return syntaxError("parameter twice")
	}
	*seen |= bit
	*field = value
	return nil
}
