package policy

import (
	"cmp"
	"slices"
	"strings"
)

// Permissions are what all matching rules give a watcher together (RFC 4745
// s.10.2): the action of RFC 5025 s.3.2 and the transformations of its s.3.3.
// The zero value gives nothing. They are compared by Key.
type Permissions struct {
	Handling SubHandling
	Silent   bool // while it is Confirm, the watcher is not even told that it waits; see NamespaceSilence

	// The data components that the watcher may see (RFC 5025 s.3.3.1).
	Devices, Persons, Services Selection

	// The attributes that are shown in them (RFC 5025 s.3.3.2.1 to s.3.3.2.13).
	Activities, Class, DeviceID, Mood, PlaceIs, PlaceType, Privacy, Relationship, Sphere, StatusIcon, TimeOffset, Note bool
	UserInput                                                                                                          UserInput

	AllAttributes bool        // every attribute, the unknown too (s.3.3.2.15)
	Unknown       []Attribute // attributes that no permission above names (s.3.3.2.14); sorted, unique
}

// Selection says which occurrences of a data component are shown (RFC 5025
// s.3.3.1): those that one of its members names. The lists are sorted and
// unique, and empty where All is set.
type Selection struct {
	All               bool
	Classes           []string // RPID <class>, compared by case
	DeviceIDs         []string // devices only; URIs
	OccurrenceIDs     []string // the id of the element, compared by case
	ServiceURIs       []string // services only; the contact
	ServiceURISchemes []string // services only; without the colon, compared by case
}

// Attribute is a presence attribute by its qualified name.
type Attribute struct{ Namespace, Name string }

// UserInput is how much of <user-input> is shown (RFC 5025 s.3.3.2.12). The
// order is the RFC's: where several rules match, the largest value counts.
type UserInput uint8

const (
	UserInputFalse      UserInput = iota // the element is removed
	UserInputBare                        // kept without idle-threshold and since
	UserInputThresholds                  // kept with idle-threshold only
	UserInputFull                        // kept as it is
)

var userInputs = [...]string{"false", "bare", "thresholds", "full"}

// Everything allows a watcher to see the whole document.
var Everything = Permissions{
	Handling: Allow,
	Devices:  Selection{All: true}, Persons: Selection{All: true}, Services: Selection{All: true},
	AllAttributes: true,
}.normal()

// attributes lists the Boolean permissions in the order of their bits in a
// key. The order must not change: keys are stored.
func (p *Permissions) attributes() [12]*bool {
	return [...]*bool{
		&p.Activities, &p.Class, &p.DeviceID, &p.Mood, &p.PlaceIs, &p.PlaceType,
		&p.Privacy, &p.Relationship, &p.Sphere, &p.StatusIcon, &p.TimeOffset, &p.Note,
	}
}

// merge adds what another rule permits (RFC 4745 s.10.2): the maximum of
// numbers, the union of sets. The result is normal once normal is called.
func (p *Permissions) merge(q *Permissions) {
	p.Handling = max(p.Handling, q.Handling)
	p.Silent = p.Silent || q.Silent
	p.UserInput = max(p.UserInput, q.UserInput)
	p.AllAttributes = p.AllAttributes || q.AllAttributes
	mine, theirs := p.attributes(), q.attributes()
	for i := range mine {
		*mine[i] = *mine[i] || *theirs[i]
	}
	p.Devices.merge(&q.Devices)
	p.Persons.merge(&q.Persons)
	p.Services.merge(&q.Services)
	p.Unknown = union(p.Unknown, q.Unknown)
}

func (s *Selection) merge(t *Selection) {
	s.All = s.All || t.All
	mine, theirs := s.lists(), t.lists()
	for i := range mine {
		*mine[i] = union(*mine[i], *theirs[i])
	}
}

// lists are the members by type, in the order of their letters in a key.
func (s *Selection) lists() [5]*[]string {
	return [...]*[]string{&s.Classes, &s.DeviceIDs, &s.OccurrenceIDs, &s.ServiceURIs, &s.ServiceURISchemes}
}

// union shares a list where the other adds nothing, and never writes to one.
func union[T comparable](a, b []T) []T {
	if len(a) == 0 {
		return slices.Clip(b)
	}
	for _, v := range b {
		if !slices.Contains(a, v) {
			a = append(slices.Clip(a), v)
		}
	}
	return a
}

// normal returns the permissions in the one form that equal permissions have:
// lists sorted, and without what All and AllAttributes give anyway.
func (p Permissions) normal() Permissions {
	p.Devices, p.Persons, p.Services = p.Devices.normal(), p.Persons.normal(), p.Services.normal()
	if !p.AllAttributes {
		p.Unknown = sorted(p.Unknown, func(a, b Attribute) int {
			return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
		})
		return p
	}
	// RFC 5025 s.3.3.2.15: a macro for all the others.
	for _, attribute := range p.attributes() {
		*attribute = true
	}
	p.UserInput, p.Unknown = UserInputFull, nil
	return p
}

func (s Selection) normal() Selection {
	if s.All {
		return Selection{All: true}
	}
	for _, list := range s.lists() {
		*list = sorted(*list, strings.Compare)
	}
	return s
}

// sorted returns a list sorted and unique, itself where it is so already.
func sorted[T comparable](list []T, compare func(a, b T) int) []T {
	if len(list) == 0 {
		return nil
	}
	if slices.IsSortedFunc(list, func(a, b T) int {
		if a == b {
			return -1 // a repeat is not sorted either
		}
		return compare(a, b)
	}) {
		return list
	}
	list = slices.Clone(list)
	slices.SortFunc(list, compare)
	return slices.Compact(list)
}
