package siptest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// check holds a message against a block.
func (p *Player) check(m *message, what string, head, body []string) error {
	var errs []error
	if what != "" && what[0] <= '9' && what != strconv.Itoa(m.code()) {
		errs = append(errs, fmt.Errorf("want a %s", what))
	}
	for i, line := range head {
		if i == 0 && !headerLine.MatchString(line) {
			errs = append(errs, p.vars.match(line, m.start))
			continue
		}
		errs = append(errs, p.checkField(m, line))
	}
	if len(body) > 0 {
		errs = append(errs, p.vars.checkBody(body, m.body))
	}
	return errors.Join(errs...)
}

// checkField wants one field of the name that matches.
func (p *Player) checkField(m *message, line string) error {
	if name, absent := strings.CutPrefix(line, "-"); absent {
		if values := m.values(name); len(values) > 0 {
			return fmt.Errorf("want no %s, got %q", name, values)
		}
		return nil
	}
	name, want, ok := strings.Cut(line, ":")
	if !ok {
		return fmt.Errorf("no header field: %q", line)
	}
	values := m.values(name)
	if len(values) == 0 {
		return fmt.Errorf("no %s", name)
	}
	var errs []error
	for _, value := range values {
		err := p.vars.match(strings.TrimSpace(want), value)
		if err == nil {
			return nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", name, err))
	}
	return errors.Join(errs...)
}

// checkForm holds every message against what RFC 3261 asks of all.
func (p *Player) checkForm(a *agent, m *message) error {
	needed := []string{"Via", "From", "To", "Call-ID", "CSeq"}
	request := a.byBranch[param(m.get("Via"), "branch")]
	if m.code() == 0 {
		needed = append(needed, "Max-Forwards") // s.8.1.1
	} else if request != nil { // what the request has not the response cannot have
		needed = slices.DeleteFunc(needed, func(name string) bool { return request.get(name) == "" })
	}
	if m.method() == "NOTIFY" { // RFC 6665 s.4.2.2
		needed = append(needed, "Contact", "Event", "Subscription-State")
	}
	var errs []error
	for _, name := range needed {
		if m.get(name) == "" {
			errs = append(errs, fmt.Errorf("no %s", name))
		}
	}
	if m.code() > 100 && m.get("To") != "" && param(m.get("To"), "tag") == "" { // s.8.2.6.2
		errs = append(errs, fmt.Errorf("To has no tag"))
	}
	if m.code() == 0 || request == nil {
		return errors.Join(errs...)
	}
	for _, name := range []string{"From", "Call-ID", "CSeq"} { // s.8.2.6.2
		if m.get(name) != request.get(name) && !strings.Contains(request.get(name), "\r\n") {
			errs = append(errs, fmt.Errorf("%s is not the request's %q", name, request.get(name)))
		}
	}
	return errors.Join(errs...)
}
