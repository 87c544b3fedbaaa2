package siptest

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// pidfLine is a body in one line: "PIDF entity tuple-id basic-status note".
var pidfLine = regexp.MustCompile(`^PIDF (\S+) (\S+) (\S+) ?(.*)$`)

const pidfType = "application/pidf+xml"

// writtenPIDF is the document that a line PIDF stands for.
func writtenPIDF(line string) (body string, ok bool) {
	f := pidfLine.FindStringSubmatch(line)
	if f == nil {
		return "", false
	}
	note := ""
	if f[4] != "" {
		note = "<note>" + f[4] + "</note>"
	}
	return `<?xml version="1.0" encoding="UTF-8"?>` + "\r\n" +
		`<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="` + f[1] + `">` +
		`<tuple id="` + f[2] + `"><status><basic>` + f[3] + `</basic></status>` + note + `</tuple></presence>`, true
}

// checkBody holds a body against its block: see the package comment.
func (v variables) checkBody(block []string, body string) error {
	var errs []error
	var exact []string
	for _, line := range block {
		switch {
		case line == "(empty)":
			if body != "" {
				errs = append(errs, fmt.Errorf("want no body"))
			}
		case strings.HasPrefix(line, "~ "):
			if want := v.known(line[2:]); !strings.Contains(body, want) {
				errs = append(errs, fmt.Errorf("the body lacks %q", want))
			}
		case strings.HasPrefix(line, "!~ "):
			if want := v.known(line[3:]); strings.Contains(body, want) {
				errs = append(errs, fmt.Errorf("the body has %q", want))
			}
		case strings.HasPrefix(line, "/"), strings.HasPrefix(line, "count("):
			errs = append(errs, v.checkPath(line, body))
		default:
			exact = append(exact, line)
		}
	}
	if len(exact) > 0 {
		if want := v.known(writtenBody(exact)); want != body {
			errs = append(errs, fmt.Errorf("want the body %q", want))
		}
	}
	return errors.Join(errs...)
}

func (v variables) known(text string) string {
	return v.expand(text, func(name string) string { return "$" + name })
}

// writtenBody is the body that lines of a transcript stand for.
func writtenBody(lines []string) string {
	if len(lines) == 1 {
		if body, ok := writtenPIDF(lines[0]); ok {
			return body
		}
	}
	return strings.Join(lines, "\r\n")
}

// checkPath checks one line "/a/b = text", "/a/b/@c = text", "/a/b" or
// "count(/a/b) = 2"; names are local ones.
func (v variables) checkPath(line, body string) error {
	path, want, valued := strings.Cut(line, " = ")
	path, counted := strings.CutPrefix(path, "count(")
	path = strings.TrimSuffix(path, ")")
	found, err := textsAt(body, path)
	if err != nil {
		return fmt.Errorf("the body is no XML: %w", err)
	}
	switch {
	case counted:
		if want != strconv.Itoa(len(found)) {
			return fmt.Errorf("%s: found %d of it", line, len(found))
		}
		return nil
	case !valued:
		if len(found) == 0 {
			return fmt.Errorf("the body has no %s", path)
		}
		return nil
	}
	for _, text := range found {
		if v.match(want, text) == nil {
			return nil
		}
	}
	return fmt.Errorf("%s: found %q", line, found)
}

// textsAt are the texts of the elements, or the values of the attributes, at
// a path. A path that begins with "//" may begin anywhere.
func textsAt(body, path string) (found []string, err error) {
	path, attribute, _ := strings.Cut(path, "/@")
	anywhere := strings.HasPrefix(path, "//")
	path = strings.TrimPrefix(path, "/")
	var at string
	texts := []string{""}
	for d := xml.NewDecoder(strings.NewReader(body)); ; {
		token, err := d.Token()
		if err == io.EOF {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			at += "/" + t.Name.Local
			texts = append(texts, "")
			if attribute == "" || !atPath(at, path, anywhere) {
				break
			}
			for _, a := range t.Attr {
				if a.Name.Local == attribute {
					found = append(found, a.Value)
				}
			}
		case xml.CharData:
			texts[len(texts)-1] += string(t)
		case xml.EndElement:
			if attribute == "" && atPath(at, path, anywhere) {
				found = append(found, strings.TrimSpace(texts[len(texts)-1]))
			}
			texts = texts[:len(texts)-1]
			at = at[:strings.LastIndexByte(at, '/')]
		}
	}
}

func atPath(at, path string, anywhere bool) bool {
	if anywhere {
		return strings.HasSuffix(at, path)
	}
	return at == "/"+path
}
