package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"presenced/pidf"
)

// summary is what people want to know of a presence document.
type summary struct {
	status  string // open when any tuple is; closed; unknown where nothing says
	notes   []string
	tuples  []tuple
	input   string // active or idle, of the person or of anything in use
	offset  *int   // minutes
	persons []pidf.Person

	activities, moods, places, around, spheres []string
}

// summarise reads a document: open if any tuple is (RFC 3863 s.4.1.4 speaks of
// each tuple alone), and every note once.
func summarise(p *pidf.Presence) summary {
	s := summary{status: "unknown", persons: p.Persons}
	s.notes = appendNotes(nil, p.Notes)
	devices := map[string]string{}
	for _, d := range p.Devices {
		if devices[d.DeviceID] = d.DeviceID; len(d.Notes) > 0 {
			devices[d.DeviceID] = d.Notes[0].Text
		}
		s.use(d.UserInput)
	}
	for i := range p.Tuples {
		s.addTuple(&p.Tuples[i], devices)
	}
	for i := range p.Persons {
		s.addPerson(&p.Persons[i])
	}
	return s
}

// appendNotes appends the texts that are not there yet.
func appendNotes(to []string, notes []pidf.Note) []string {
	for _, n := range notes {
		if n.Text != "" && !slices.Contains(to, n.Text) {
			to = append(to, n.Text)
		}
	}
	return to
}

func (s *summary) addTuple(t *pidf.Tuple, devices map[string]string) {
	shown := tuple{ID: t.ID, Status: string(t.Status), Contact: t.Contact, Priority: t.Priority,
		Notes: appendNotes(nil, t.Notes), Class: t.Class, Input: inputOf(t.UserInput)}
	switch {
	case t.Status == pidf.Open:
		s.status = "open"
	case t.Status == pidf.Closed && s.status == "unknown":
		s.status = "closed"
	case t.Status == pidf.Unknown:
		shown.Status = "unknown"
	}
	if len(t.DeviceIDs) > 0 {
		if shown.Device = devices[t.DeviceIDs[0]]; shown.Device == "" {
			shown.Device = t.DeviceIDs[0]
		}
	}
	s.use(t.UserInput)
	s.notes = appendNotes(s.notes, t.Notes)
	s.tuples = append(s.tuples, shown)
}

func (s *summary) addPerson(p *pidf.Person) {
	s.notes = appendNotes(s.notes, p.Notes)
	s.activities = appendAll(s.activities, p.Activities)
	s.moods = appendAll(s.moods, p.Moods)
	s.places = appendAll(s.places, p.PlaceTypes)
	s.spheres = appendAll(s.spheres, p.Spheres)
	for _, like := range p.PlaceIs {
		s.around = append(s.around, words(like)...)
	}
	for _, offset := range p.TimeOffsets {
		s.offset = &offset.Minutes
	}
	if p.UserInput != nil { // RFC 4480 s.3.14: it summarizes all others
		s.input = inputOf(p.UserInput)
	}
}

func appendAll(to []string, list []pidf.Enumeration) []string {
	for i := range list {
		to = append(to, list[i].All()...)
	}
	return to
}

// words are what is said of a place; "ok" alone says nothing to people.
func words(like pidf.PlaceIs) (list []string) {
	for _, of := range [...]struct{ what, word string }{{"sound", like.Audio}, {"light", like.Video}, {"text", like.Text}} {
		switch of.word {
		case "", pidf.NotKnown:
		case "ok":
			list = append(list, of.what+" ok")
		case "uncomfortable", "inappropriate":
			list = append(list, of.what+" "+of.word)
		default:
			list = append(list, of.word)
		}
	}
	return list
}

// use notes user input: active anywhere is active.
func (s *summary) use(u *pidf.UserInput) {
	if u != nil && s.input != "active" {
		s.input = inputOf(u)
	}
}

func inputOf(u *pidf.UserInput) string {
	switch {
	case u == nil:
		return ""
	case u.Idle:
		return "idle"
	}
	return "active"
}

// fill puts the summary into a line of --json.
func (s *summary) fill(e *event) {
	e.Status, e.Notes, e.Tuples, e.Input, e.Offset = s.status, s.notes, s.tuples, s.input, s.offset
	e.Activities, e.Moods, e.Places, e.Around, e.Spheres = s.activities, s.moods, s.places, s.around, s.spheres
}

// describe is the summary in words: is open (active), "at my desk", away, mood
// happy. Of several services each has a line of its own below.
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
	for i := range s.persons {
		p := &s.persons[i]
		parts = appendWords(parts, "", p.Activities)
		parts = appendWords(parts, "mood ", p.Moods)
		parts = appendWords(parts, "place ", p.PlaceTypes)
		for _, like := range p.PlaceIs {
			if list := words(like); len(list) > 0 {
				parts = append(parts, "there: "+printable(strings.Join(list, " and "))+untilWhen(like.Mark))
			}
		}
		parts = appendWords(parts, "sphere ", p.Spheres)
	}
	if s.offset != nil {
		parts = append(parts, "local time UTC"+clockOffset(*s.offset))
	}
	if s.input != "" {
		parts = append(parts, s.input)
	}
	text := strings.Join(parts, ", ")
	if len(s.tuples) > 1 {
		for _, t := range s.tuples {
			text += "\n" + t.describe()
		}
	}
	return text
}

func appendWords(parts []string, before string, list []pidf.Enumeration) []string {
	for i := range list {
		if all := list[i].All(); len(all) > 0 {
			parts = append(parts, before+printable(strings.Join(all, ", "+before))+untilWhen(list[i].Mark))
		}
	}
	return parts
}

// untilWhen says when something ends, in the reader's time.
func untilWhen(m pidf.Mark) string {
	if m.Until.IsZero() {
		return ""
	}
	return " until " + m.Until.Local().Format("Jan 2 15:04")
}

// clockOffset is as +05:30.
func clockOffset(minutes int) string {
	sign := '+'
	if minutes < 0 {
		sign, minutes = '-', -minutes
	}
	return fmt.Sprintf("%c%02d:%02d", sign, minutes/60, minutes%60)
}

// describe is one service in words, below the time.
func (t tuple) describe() string {
	text := strings.Repeat(" ", len(time.TimeOnly)+1) + printable(t.Status)
	add := func(what, value string) {
		if value != "" {
			text += ", " + what + printable(value)
		}
	}
	add("", t.Contact)
	add("priority ", t.Priority)
	add("device ", t.Device)
	add("", t.Input)
	add("class ", t.Class)
	for _, n := range t.Notes {
		text += ", " + quoted(n)
	}
	return text
}
