package filter

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"presenced/pidf"
)

// generator makes documents that are valid by the schemas, and filters for
// them.
type generator struct{ *rand.Rand }

func (g generator) pick(of ...string) string { return of[g.IntN(len(of))] }

// some repeats make up to n times.
func (g generator) some(n int, produce func() string) string {
	var b strings.Builder
	for range g.IntN(n + 1) {
		b.WriteString(produce())
	}
	return b.String()
}

func (g generator) maybe(s string) string { return g.pick("", s) }

func (g generator) space() string { return g.pick("", "", " ", "\n", "<!-- c -->") }

func (g generator) note(name string) string {
	return "<" + name + g.maybe(` xml:lang="`+g.pick("en", "de")+`"`) + ">" + g.pick("", "x", " y ", "5", "&lt;") + "</" + name + ">"
}

func (g generator) document() string {
	tuples := g.some(3, func() string { return g.space() + g.tuple() })
	// Ids are unique.
	for i := 0; strings.Contains(tuples, `id="?"`); i++ {
		tuples = strings.Replace(tuples, `id="?"`, fmt.Sprintf(`id="t%d"`, (i+g.IntN(2))*7%5+i*10), 1)
	}
	return document(tuples + g.some(2, func() string { return g.note("p:note") }) + g.maybe(g.extension()) + g.maybe(g.person()) + g.space() + g.maybe(g.device()) + g.maybe(g.extension()))
}

func (g generator) tuple() string {
	status := "<p:status>" + g.space() + "<p:basic>" + g.pick("open", "closed") + "</p:basic>" + g.maybe(g.extension()) + "</p:status>"
	if g.IntN(4) == 0 {
		status = "<p:status>" + g.extension() + "</p:status>"
	}
	return `<p:tuple id="?">` + g.space() + status + g.some(1, g.extension) + g.maybe("<r:class>"+g.pick("a", "b")+"</r:class>") + g.space() +
		g.maybe(`<ts:timed-status xmlns:ts="urn:ietf:params:xml:ns:pidf:timed-status" from="2026-11-22T05:00:00Z"`+g.maybe(` until="2026-11-22T06:00:00Z"`)+`><ts:basic>open</ts:basic></ts:timed-status>`) +
		g.maybe(`<p:contact`+g.maybe(` priority="0.`+g.pick("5", "8")+`"`)+`>sip:bob@example.com</p:contact>`) +
		g.some(2, func() string { return g.note("p:note") }) + g.maybe("<p:timestamp>2026-11-22T05:00:00Z</p:timestamp>") + "</p:tuple>"
}

func (g generator) extension() string {
	return `<x:` + g.pick("a", "b") + g.maybe(` k="`+g.pick("1", "2")+`"`) + g.maybe(` x:k="1"`) + `>` + g.pick("open", "5", "<x:c>1</x:c>", `<x:c/><p:note k="1">x</p:note>`) + "</x:?>"
}

func (g generator) person() string {
	return `<dm:person id="me">` + g.space() + g.maybe(`<r:activities`+g.maybe(` from="2026-11-22T05:00:00Z"`)+`>`+g.some(1, func() string { return g.note("r:note") })+g.pick("<r:busy/>", "<r:busy/><r:away/>", "<r:unknown/>")+`</r:activities>`) +
		g.maybe(`<r:mood>`+g.some(1, func() string { return g.note("r:note") })+g.pick("<r:happy/>", "<r:calm/><r:other>so so</r:other>", "<r:unknown/>")+`</r:mood>`) +
		g.maybe(`<r:place-is><r:audio>`+g.pick("<r:ok/>", "<r:noisy/>")+`</r:audio>`+g.maybe(`<r:video><r:dark/></r:video>`)+`</r:place-is>`) +
		g.maybe(`<r:privacy><r:audio/>`+g.maybe(`<r:text/>`)+`</r:privacy>`) + g.maybe(`<r:sphere><r:work/></r:sphere>`) +
		g.maybe(`<r:place-type>`+g.some(1, func() string { return g.note("r:note") })+`<r:other>boat</r:other></r:place-type>`) +
		g.some(1, func() string { return g.note("dm:note") }) + `</dm:person>`
}

func (g generator) device() string {
	return `<dm:device id="pc">` + g.maybe(`<r:user-input`+g.maybe(` idle-threshold="5"`)+`>idle</r:user-input>`) +
		`<dm:deviceID>urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6b01</dm:deviceID>` + g.some(1, func() string { return g.note("dm:note") }) + `</dm:device>`
}

// closed gives the extensions' end tags their names.
func closed(document string) string {
	for {
		end := strings.Index(document, "</x:?>")
		if end < 0 {
			return document
		}
		name := "a"
		if strings.LastIndex(document[:end], "<x:b") > strings.LastIndex(document[:end], "<x:a") {
			name = "b"
		}
		document = document[:end] + "</x:" + name + ">" + document[end+len("</x:?>"):]
	}
}

func (g generator) name() string {
	return g.pick("*", "*", "*", "p:tuple", "p:tuple", "dm:person", "p:status", "p:basic", "p:note", "p:contact", "dm:person", "dm:device", "dm:note", "r:note", "r:activities", "r:mood", "r:busy", "r:audio", "x:a", "x:c")
}

func (g generator) attribute() string {
	return "@" + g.pick("id", "priority", "k", "x:k", "from", "xml:lang", "entity")
}

func (g generator) comparison() string {
	operand := g.pick(".", "..", g.attribute(), g.name(), "*/"+g.name(), g.name()+"/"+g.attribute())
	return operand + g.pick(`="open"`, `="x"`, `=5`, `>0.6`, `<5`, `="1"`, `="me"`, `="y"`)
}

func (g generator) path() string {
	path := g.pick("/p:presence/", "/*/", "//", "//", "//") + g.name() + g.condition()
	for range g.IntN(3) {
		path += g.pick("/", "//") + g.name() + g.condition()
	}
	if g.IntN(3) == 0 {
		path += g.pick("/", "//") + g.attribute() + g.condition()
	}
	return path
}

func (g generator) condition() string {
	if g.IntN(4) > 0 {
		return ""
	}
	return "[" + g.comparison() + g.some(2, func() string { return g.pick(" and ", " or ") + g.comparison() }) + "]"
}

func (g generator) selections() (all []string) {
	for range g.IntN(4) {
		all = append(all, g.pick(g.path(), g.path(), g.path(), "urn:x", pidf.Namespace, pidf.NamespaceRPID, xmlNamespace))
	}
	return all
}

func (g generator) trigger() string {
	reference := func() string {
		return g.pick("/", "//") + g.name() + g.pick("", "/"+g.name(), "/"+g.attribute(), "//"+g.attribute())
	}
	change := func() string {
		return "<changed" + g.pick("", ` from="`+g.pick("open", "closed", "x")+`"`) + g.pick("", ` to="`+g.pick("open", "y", "0.8")+`"`) + ">" + reference() + "</changed>"
	}
	return "<trigger>" + g.some(1, change) + g.some(1, func() string { return "<added>" + reference() + "</added>" }) + g.some(1, func() string { return "<removed>" + reference() + "</removed>" }) + "</trigger>"
}

// Valid documents stay valid, and the fast path does what the oracle does.
func TestGenerated(t *testing.T) {
	nothing, changes := 0, 0
	for seed := range uint64(1500) {
		g := generator{rand.New(rand.NewPCG(seed, 1))}
		old, current := closed(g.document()), closed(g.document())
		f := filterOf(t, what(g.selections(), g.selections())+g.trigger()+g.trigger())
		d := parseDocument(t, current)
		got := string(f.Apply(nil, d))
		if want := contentOracle(f, current); canonical(got) != want {
			t.Fatalf("seed %d: %q of\n%s\n%s\nwant\n%s", seed, f.Key(), current, got, want)
		}
		if got == "" {
			nothing++
		} else if seed%3 == 0 {
			emit([]byte(got))
			emit([]byte(current))
		}
		triggered := f.Triggers(parseDocument(t, old), d)
		if want := triggersOracle(f, old, current); triggered != want {
			t.Fatalf("seed %d: %q from\n%s\nto\n%s\n%v", seed, f.text(f.triggers), old, current, triggered)
		}
		if triggered {
			changes++
		}
		again, err := Of(f.Key())
		if err != nil || string(again.Apply(nil, d)) != got {
			t.Fatalf("seed %d: %q: %v", seed, f.Key(), err)
		}
	}
	if nothing < 100 || nothing > 1300 || changes < 100 || changes > 1400 {
		t.Errorf("%d of 1500 without content, %d triggered", nothing, changes)
	}
}

// libxml2 selects the same, in documents of no namespace.
func TestLibXML(t *testing.T) {
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Fatal("xmllint is not installed: scripts/test installs it (Debian: libxml2-utils)")
	}
	plain := strings.NewReplacer("xmlns:p=", "p=", "xmlns:dm=", "dm=", "xmlns:r=", "r=", "xmlns:x=", "x=", "xmlns:ts=", "ts=", "p:", "", "dm:", "", "r:", "", "x:", "", "ts:", "")
	var d pidf.Document
	dir, some := t.TempDir(), 0
	for seed := range uint64(150) {
		g := generator{rand.New(rand.NewPCG(seed, 2))}
		body, expression := "", ""
		for range 30 { // the longest document
			if other := closed(g.document()); len(other) > len(body) {
				body = other
			}
		}
		for expression == "" || strings.Contains(expression, "xml:") || strings.Contains(expression, "x:k") {
			expression = g.path()
		}
		body, expression = plain.Replace(strings.ReplaceAll(body, ` x:k="1"`, "")), plain.Replace(expression)
		if err := (&pidf.Reader{Root: pidf.Name{Local: "presence"}}).ReadString(&d, body); err != nil {
			t.Fatal(err)
		}
		p := parser{text: expression}
		selected, err := p.selection()
		if err != nil {
			t.Fatal(err)
		}
		var places []string
		tree := newTree(&d)
		tree.nodes.find(&selected, func(f finding) { places = append(places, fmt.Sprint(f.node)) })
		tree.free()
		if len(places) > 0 {
			some++
		}
		file := filepath.Join(dir, "document.xml")
		if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(xmllint, "--xpath", "count("+expression+")", file).Output()
		if err != nil {
			t.Fatalf("%s: %v", expression, err)
		}
		if want := strings.TrimSpace(string(out)); want != fmt.Sprint(len(places)) {
			t.Errorf("seed %d: %s selects %v, in libxml2 %s of\n%s", seed, expression, places, want, body)
		}
	}
	if some < 15 {
		t.Errorf("only %d expressions select anything", some)
	}
}
