package main

import (
	"slices"
	"strings"

	"presenced/pidf"
)

// summary is what people want to know of a presence document.
type summary struct {
	status     string // open when any tuple is; closed; unknown where nothing says
	notes      []string
	activities []string
	tuples     []tuple
}

// summarise reads a document: open if any tuple is (RFC 3863 s.4.1.4 speaks of
// each tuple alone), and every note once.
func summarise(p *pidf.Presence) summary {
	s := summary{status: "unknown"}
	add := func(to *[]string, notes []pidf.Note) {
		for _, n := range notes {
			if n.Text != "" && !slices.Contains(*to, n.Text) {
				*to = append(*to, n.Text)
			}
		}
	}
	add(&s.notes, p.Notes)
	for _, t := range p.Tuples {
		shown := tuple{ID: t.ID, Status: string(t.Status), Contact: t.Contact, Priority: t.Priority}
		switch {
		case t.Status == pidf.Open:
			s.status = "open"
		case t.Status == pidf.Closed && s.status == "unknown":
			s.status = "closed"
		case t.Status == pidf.Unknown:
			shown.Status = "unknown"
		}
		add(&shown.Notes, t.Notes)
		add(&s.notes, t.Notes)
		s.tuples = append(s.tuples, shown)
	}
	for _, person := range p.Persons {
		add(&s.notes, person.Notes)
		for _, a := range person.Activities {
			s.activities = append(s.activities, a.All()...)
		}
	}
	return s
}

// describe is the summary in words: is open (active), "at my desk", away.
func (s summary) describe(state string) string {
	parts := []string{"is " + s.status}
	if s.status == "unknown" {
		parts[0] = "says nothing of open or closed"
	}
	if state != "" {
		parts[0] += " (" + state + ")"
	}
	for _, n := range s.notes {
		parts = append(parts, quoted(n))
	}
	for _, a := range s.activities {
		parts = append(parts, printable(a))
	}
	return strings.Join(parts, ", ")
}
