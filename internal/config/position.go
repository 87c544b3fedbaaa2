package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// index knows the line of each key. A key is named by its path: "log.level", "listen.udp[1].advertise",
// "principal[0].uri".
type index struct {
	line  map[string]int
	order []string // paths in the order of the file

	isTable map[string]bool // paths that have keys below them, or could

	newlines []int          // offset of each newline
	opened   map[string]int // how often each [[array of tables]] was opened
}

// locateKeys indexes a document that is known to be valid TOML.
func locateKeys(data []byte) (*index, error) {
	x := &index{line: map[string]int{}, isTable: map[string]bool{}, opened: map[string]int{}}
	for i, b := range data {
		if b == '\n' {
			x.newlines = append(x.newlines, i)
		}
	}
	var p unstable.Parser
	p.Reset(data)
	table := ""
	for p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case unstable.Table:
			table = x.keys("", e.Key())
			x.isTable[table] = true
		case unstable.ArrayTable:
			table = x.open(e)
		case unstable.KeyValue:
			x.keyValue(table, e)
		}
	}
	return x, p.Error()
}

// keys appends a dotted key to a path, adding each prefix that is new. A prefix that is an array of tables
// means its last element.
func (x *index) keys(path string, it unstable.Iterator) string {
	for it.Next() {
		x.isTable[path] = true
		path = join(path, string(it.Node().Data))
		x.add(path, it.Node().Raw)
		if n := x.opened[path]; n > 0 {
			path = fmt.Sprintf("%s[%d]", path, n-1)
		}
	}
	return path
}

// open handles [[path]]: one more element of it.
func (x *index) open(e *unstable.Node) string {
	var last unstable.Range
	path, array := "", ""
	for it := e.Key(); it.Next(); {
		last = it.Node().Raw
		array = join(path, string(it.Node().Data))
		x.add(array, last)
		path = array
		if n := x.opened[array]; n > 0 {
			path = fmt.Sprintf("%s[%d]", array, n-1)
		}
	}
	n := x.opened[array]
	x.opened[array]++
	x.isTable[array] = true
	path = fmt.Sprintf("%s[%d]", array, n)
	x.add(path, last)
	return path
}

func (x *index) keyValue(table string, e *unstable.Node) {
	var last unstable.Range
	for it := e.Key(); it.Next(); {
		last = it.Node().Raw
	}
	x.value(x.keys(table, e.Key()), e.Value(), last)
}

// value indexes what is inside a value; where is the place of the value itself.
func (x *index) value(path string, v *unstable.Node, where unstable.Range) {
	switch v.Kind {
	case unstable.Array:
		i := 0
		for it := v.Children(); it.Next(); i++ {
			element := fmt.Sprintf("%s[%d]", path, i)
			place := it.Node().Raw
			if place.Length == 0 {
				place = where
			}
			x.add(element, place)
			x.value(element, it.Node(), place)
		}
	case unstable.InlineTable:
		x.isTable[path] = true
		for it := v.Children(); it.Next(); {
			x.keyValue(path, it.Node())
		}
	}
}

func (x *index) add(path string, at unstable.Range) {
	if x.line[path] == 0 {
		n, _ := slices.BinarySearch(x.newlines, int(at.Offset))
		x.line[path] = n + 1
		x.order = append(x.order, path)
	}
}

// join appends a key to a path. A key that could be mistaken for a path is quoted.
func join(path, key string) string {
	if key == "" || strings.ContainsAny(key, ".[]\" \t\r\n") {
		key = fmt.Sprintf("%q", key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}
