package siptest

import (
	"fmt"
	"regexp"
	"strings"
)

// variables are what a transcript has captured, by name without the "$".
type variables map[string]string

// variable is $name, ${name} or $agent.name; $$ is a dollar sign.
var variable = regexp.MustCompile(`\$(?:\$|\{([a-z][A-Za-z0-9.]*)\}|([a-z][A-Za-z0-9]*(?:\.[a-z]+)?))`)

// expand replaces variables by their values. One that has none gets what make
// gives it, and keeps it.
func (v variables) expand(text string, fresh func(name string) string) string {
	return variable.ReplaceAllStringFunc(text, func(found string) string {
		name := variableName(found)
		if name == "" {
			return "$"
		}
		value, ok := v[name]
		if !ok {
			value = fresh(name)
			v[name] = value
		}
		return value
	})
}

func variableName(found string) string { return strings.Trim(found, "${}") }

// match holds got against a pattern: "*" is anything, "\*" a star, a variable
// with a value is that value, and one without captures a run of characters
// that ends where a token or a parameter does, or, behind "<", at ">".
func (v variables) match(pattern, got string) error {
	var expr strings.Builder
	var captured []string
	expr.WriteString(`(?s)^`)
	rest := pattern
	for rest != "" {
		at := variable.FindStringIndex(rest)
		if at == nil {
			expr.WriteString(globbed(rest))
			break
		}
		expr.WriteString(globbed(rest[:at[0]]))
		name := variableName(rest[at[0]:at[1]])
		value, known := v[name]
		switch {
		case name == "":
			expr.WriteString(`\$`)
		case known:
			expr.WriteString(regexp.QuoteMeta(value))
		case strings.HasSuffix(rest[:at[0]], "<"):
			expr.WriteString(`([^<>]+)`)
			captured = append(captured, name)
		default:
			expr.WriteString(`([^\s;,<>"]+)`)
			captured = append(captured, name)
		}
		rest = rest[at[1]:]
	}
	expr.WriteString(`$`)
	re, err := regexp.Compile(expr.String())
	if err != nil {
		return err
	}
	found := re.FindStringSubmatch(got)
	if found == nil {
		known := v.expand(pattern, func(name string) string { return "$" + name })
		for _, name := range captured {
			delete(v, name)
		}
		return fmt.Errorf("want %q, got %q", known, got)
	}
	for i, name := range captured {
		v[name] = found[i+1]
	}
	return nil
}

// globbed is literal text in which "*" stands for anything.
func globbed(text string) string {
	const star = "\x00"
	text = strings.ReplaceAll(text, `\*`, star)
	text = strings.ReplaceAll(regexp.QuoteMeta(text), `\*`, `.*`)
	return strings.ReplaceAll(text, star, `\*`)
}
