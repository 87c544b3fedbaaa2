package policy

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// A key is a digit for the handling, a hyphen, the flags in hexadecimal, and
// for each list with members ";", its name, "=" and the members, escaped and
// separated by commas: "3-210;sc=home,work". Names are the component (d, p, s)
// and the type of the member; unknown attributes stand under "u", namespace
// and name separated by a space.
const keyComponents, keyMembers = "dps", "cious"

// Key names the permissions: equal permissions have equal keys, whatever order
// their lists are in. It is printable ASCII without spaces.
func (p Permissions) Key() string {
	p = p.normal()
	key := make([]byte, 0, 64)
	key = strconv.AppendUint(key, uint64(p.Handling), 10)
	key = append(key, '-')
	key = strconv.AppendUint(key, p.flags(), 16)
	for c, selection := range p.selections() {
		for m, list := range selection.lists() {
			for i, member := range *list {
				key = append(key, separator(i, keyComponents[c:c+1]+keyMembers[m:m+1])...)
				key = append(key, url.QueryEscape(member)...)
			}
		}
	}
	for i, a := range p.Unknown {
		key = append(key, separator(i, "u")...)
		key = append(key, url.QueryEscape(a.Namespace+" "+a.Name)...)
	}
	return string(key)
}

func separator(i int, name string) string {
	if i > 0 {
		return ","
	}
	return ";" + name + "="
}

func (p *Permissions) selections() [3]*Selection {
	return [...]*Selection{&p.Devices, &p.Persons, &p.Services}
}

// bits are the flags' booleans, from the lowest. UserInput stands above them,
// in two bits, and Silent above it.
func (p *Permissions) bits() []*bool {
	attributes := p.attributes()
	return append(attributes[:], &p.AllAttributes, &p.Devices.All, &p.Persons.All, &p.Services.All)
}

func (p *Permissions) flags() uint64 {
	bits := p.bits()
	flags := uint64(p.UserInput) << len(bits)
	if p.Silent {
		flags |= 1 << (len(bits) + 2)
	}
	for i, bit := range bits {
		if *bit {
			flags |= 1 << i
		}
	}
	return flags
}

func (p *Permissions) setFlags(flags uint64) {
	bits := p.bits()
	for i, bit := range bits {
		*bit = flags&(1<<i) != 0
	}
	p.UserInput = UserInput(flags >> len(bits) & 3)
	p.Silent = flags&(1<<(len(bits)+2)) != 0
}

// PermissionsOf is the inverse of Key. It refuses what Key does not write.
func PermissionsOf(key string) (Permissions, error) {
	p, err := parseKey(key)
	if err != nil || p.Handling > Allow || p.UserInput > UserInputFull || p.Key() != key {
		return Permissions{}, fmt.Errorf("policy: %.40q is no key of permissions", key)
	}
	return p, nil
}

func parseKey(key string) (Permissions, error) {
	var p Permissions
	head, rest, listed := strings.Cut(key, ";")
	digit, hex, _ := strings.Cut(head, "-")
	handling, err := strconv.ParseUint(digit, 10, 8)
	if err != nil {
		return p, err
	}
	flags, err := strconv.ParseUint(hex, 16, 24)
	if err != nil {
		return p, err
	}
	p.Handling = SubHandling(handling)
	p.setFlags(flags)
	for listed {
		var list string
		list, rest, listed = strings.Cut(rest, ";")
		name, members, _ := strings.Cut(list, "=")
		if err := p.addList(name, strings.Split(members, ",")); err != nil {
			return p, err
		}
	}
	return p, nil
}

func (p *Permissions) addList(name string, members []string) error {
	for _, escaped := range members {
		member, err := url.QueryUnescape(escaped)
		if err != nil {
			return err
		}
		if name == "u" {
			i := strings.LastIndexByte(member, ' ') // a namespace may be odd, a name has no space
			if i < 0 {
				return fmt.Errorf("attribute without a name")
			}
			p.Unknown = append(p.Unknown, Attribute{member[:i], member[i+1:]})
			continue
		}
		list := p.list(name)
		if list == nil {
			return fmt.Errorf("list %q", name)
		}
		*list = append(*list, member)
	}
	return nil
}

func (p *Permissions) list(name string) *[]string {
	if len(name) != 2 {
		return nil
	}
	component, member := strings.IndexByte(keyComponents, name[0]), strings.IndexByte(keyMembers, name[1])
	if component < 0 || member < 0 {
		return nil
	}
	return p.selections()[component].lists()[member]
}
