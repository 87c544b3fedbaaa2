package xcap

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"

	"presenced/pidf"
	"presenced/policy"
)

// conflict is a document that was refused: a 409 with a report (RFC 4825 s.11).
type conflict struct {
	condition string // the error element
	phrase    string // for the person who wrote it
}

// The error elements that whole documents can get (RFC 4825 s.11.1).
const (
	notWellFormed     = "not-well-formed"
	notUTF8           = "not-utf-8"
	schemaError       = "schema-validation-error"
	constraintFailure = "constraint-failure" // what the schema allows, and our reader's limits do not
)

func (c *conflict) Error() string { return c.condition + ": " + c.phrase }

func (c *conflict) answer() *answer {
	var b bytes.Buffer
	b.WriteString(xml.Header + `<xcap-error xmlns="urn:ietf:params:xml:ns:xcap-error"><` + c.condition + ` phrase="`)
	xml.EscapeText(&b, []byte(c.phrase)) // a Buffer takes everything
	b.WriteString("\"/></xcap-error>\n")
	return &answer{code: http.StatusConflict, media: "application/xcap-error+xml", body: b.Bytes()}
}

// check returns the refusal of a document, most often a *conflict; nil if it can be stored (RFC 4825 s.8.2.2 and 8.2.5).
func (u *usage) check(doc []byte, owner string) error {
	if !utf8.Valid(doc) || declaresOther(doc) {
		return &conflict{notUTF8, "the document is not encoded in UTF-8"}
	}
	err := u.validate(doc, owner)
	if err == nil {
		return nil
	}
	phrase := err.Error()
	var refused *policy.Error
	var syntax *pidf.SyntaxError
	switch {
	case errors.As(err, &refused):
		phrase = fmt.Sprintf("line %d: %s", refused.Line, refused.Reason)
	case errors.As(err, &syntax):
		phrase = fmt.Sprintf("line %d: %s", syntax.Line, syntax.Reason)
	default:
		return err
	}
	return &conflict{conditionOf(doc), phrase}
}

var encoding = regexp.MustCompile(`^<\?xml[^>]*?\sencoding\s*=\s*["']([^"']*)["']`)

// declaresOther says whether the XML declaration names another encoding than UTF-8, or US-ASCII, which is a part of it.
func declaresOther(doc []byte) bool {
	m := encoding.FindSubmatch(bytes.TrimPrefix(doc, []byte("\ufeff")))
	return m != nil && !strings.EqualFold(string(m[1]), "UTF-8") && !strings.EqualFold(string(m[1]), "US-ASCII")
}

// conditionOf says how a document that its reader refuses is bad: not XML at all; XML that is not read here, with a
// document type or a processing instruction; or else against the schema.
func conditionOf(doc []byte) string {
	condition := schemaError
	d := xml.NewDecoder(bytes.NewReader(doc))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	roots, depth := 0, 0
	for {
		token, err := d.Token()
		switch token := token.(type) {
		case xml.StartElement:
			if depth == 0 {
				roots++
			}
			depth++
		case xml.EndElement:
			depth--
		case xml.Directive:
			return constraintFailure
		case xml.ProcInst:
			if token.Target != "xml" {
				condition = constraintFailure
			}
		case nil:
			if err != io.EOF || roots != 1 {
				return notWellFormed
			}
			return condition
		}
	}
}
