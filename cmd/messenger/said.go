package main

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"presenced/pidf"
)

// said is what a command line says of a person, its device and its service
// (RFC 4480 s.3). What can be said several times are lists.
type said struct {
	notes, activities, moods, places []string
	around                           pidf.PlaceIs
	sphere, class, device            string
	offset                           string // local, or as +01:00, or minutes
	input                            string // active or idle
	until                            string // when activities, moods, places and what is around end
}

// saidFlags reads what publish has of rich presence.
func saidFlags(f *flag.FlagSet, s *said) {
	list := func(name string, to *[]string) {
		f.Func(name, "", func(value string) error {
			if strings.TrimSpace(value) == "" {
				return errors.New("it says nothing")
			}
			*to = append(*to, value)
			return nil
		})
	}
	list("note", &s.notes)
	list("activity", &s.activities)
	list("mood", &s.moods)
	list("place", &s.places)
	f.Func("sound", "", oneOf(&s.around.Audio, "noisy", "ok", "quiet")) // RFC 4480 s.3.6
	f.Func("light", "", oneOf(&s.around.Video, "toobright", "ok", "dark"))
	f.Func("text", "", oneOf(&s.around.Text, "uncomfortable", "inappropriate", "ok"))
	f.Func("sphere", "", oneOf(&s.sphere, "home", "work")) // s.3.11
	f.Func("user-input", "", oneOf(&s.input, "active", "idle"))
	f.StringVar(&s.offset, "time-offset", "", "")
	f.StringVar(&s.until, "until", "", "")
	f.StringVar(&s.class, "class", "", "")
	f.StringVar(&s.device, "device", "", "")
}

// oneOf sets a flag that takes one of a few words.
func oneOf(to *string, words ...string) func(string) error {
	return func(value string) error {
		if !slices.Contains(words, value) {
			return fmt.Errorf("it is one of %s", strings.Join(words, ", "))
		}
		*to = value
		return nil
	}
}

// anything tells whether more is said than open or closed.
func (s *said) anything() bool {
	return len(s.notes) > 0 || s.ending() || s.sphere+s.class+s.device+s.offset+s.input+s.until != ""
}

// ending tells whether something is said that can end by itself (RFC 4480
// s.3.1). Notes cannot.
func (s *said) ending() bool {
	return len(s.activities)+len(s.moods)+len(s.places) > 0 || s.around.Audio+s.around.Video+s.around.Text != ""
}

// presence is the document that says what the command line says. The tuple's
// id is the same each time on the same machine and for the same --device, so
// that a new publication replaces one that was left behind. Its contact is the
// address-of-record: no watcher learns where we are (RFC 2779 s.5.1.17).
func (s *said) presence(aor sip.Uri, status pidf.Status, now time.Time) (pidf.Presence, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "messenger"
	}
	p := pidf.Presence{
		Entity: aor.String(),
		Tuples: []pidf.Tuple{{
			Status: status, Contact: aor.String(), Class: s.class, UserInput: s.userInput(), Timestamp: now.UTC(),
		}},
	}
	for _, text := range s.notes {
		p.Notes = append(p.Notes, pidf.Note{Text: text})
	}
	h := fnv.New32a()
	fmt.Fprint(h, host, aor.String(), s.device)
	p.Tuples[0].ID = fmt.Sprintf("m%08x", h.Sum32())
	if s.device != "" {
		urn := deviceURN(host, s.device)
		p.Tuples[0].DeviceIDs = []string{urn}
		p.Devices = []pidf.Device{{
			ID: fmt.Sprintf("d%08x", h.Sum32()), DeviceID: urn, Class: s.class, UserInput: s.userInput(),
			Notes: []pidf.Note{{Text: s.device}}, Timestamp: now.UTC(),
		}}
	}
	person, err := s.person(now)
	if err != nil {
		return p, err
	}
	if person != nil {
		person.ID, person.Timestamp = fmt.Sprintf("p%08x", h.Sum32()), now.UTC()
		p.Persons = []pidf.Person{*person}
	}
	return p, nil
}

// person is what is said of the human; nil if nothing is.
func (s *said) person(now time.Time) (*pidf.Person, error) {
	until, err := parseUntil(s.until, now)
	if err != nil {
		return nil, err
	}
	if s.until != "" && !s.ending() {
		return nil, usageError("--until ends activities, moods, places and what it is like there: none is said")
	}
	mark, p, empty := pidf.Mark{Until: until}, pidf.Person{}, true
	for _, say := range [...]struct {
		words []string
		to    *[]pidf.Enumeration
	}{{s.activities, &p.Activities}, {s.moods, &p.Moods}, {s.places, &p.PlaceTypes}} {
		if len(say.words) > 0 {
			*say.to, empty = []pidf.Enumeration{{Mark: mark, Values: say.words}}, false
		}
	}
	if s.around.Audio+s.around.Video+s.around.Text != "" {
		around := s.around
		around.Mark = mark
		p.PlaceIs, empty = []pidf.PlaceIs{around}, false
	}
	if s.sphere != "" {
		p.Spheres, empty = []pidf.Enumeration{{Values: []string{s.sphere}}}, false
	}
	if s.offset != "" {
		minutes, err := parseOffset(s.offset, now)
		if err != nil {
			return nil, err
		}
		p.TimeOffsets, empty = []pidf.TimeOffset{{Minutes: minutes}}, false
	}
	if empty {
		return nil, nil
	}
	p.Class = s.class
	return &p, nil
}

func (s *said) userInput() *pidf.UserInput {
	if s.input == "" {
		return nil
	}
	return &pidf.UserInput{Idle: s.input == "idle"}
}

// deviceURN names a device for ever and tells nothing of it (RFC 4479 s.3.4
// wants a URN).
func deviceURN(host, device string) string {
	h := sha256.Sum256([]byte(host + "\x00" + device))
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80 // a UUID of no other scheme
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

// parseUntil reads a moment: from now on (45m), or one of RFC 3339.
func parseUntil(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return time.Time{}, usageError("--until is a time from now as 45m, or as 2026-01-02T15:04:05Z, not %q", text)
	}
	return now.Add(d).Truncate(time.Second), nil
}

// parseOffset reads the minutes that a clock is ahead of UTC (RFC 4480 s.3.13).
func parseOffset(text string, now time.Time) (int, error) {
	if text == "local" {
		_, seconds := now.Zone()
		return seconds / 60, nil
	}
	minutes, err := strconv.Atoi(text)
	if at, clock := time.Parse("Z07:00", text); clock == nil {
		_, seconds := at.Zone()
		minutes, err = seconds/60, nil
	}
	if err != nil || minutes < -24*60 || minutes > 24*60 {
		return 0, usageError("--time-offset is local, minutes, or as +01:00, not %q", text)
	}
	return minutes, nil
}
