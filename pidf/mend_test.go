package pidf

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const mendScope = ` xmlns:r="` + NamespaceRPID + `" xmlns:c="` + NamespaceCIPID + `" xmlns:t="` + NamespaceTimedStatus + `" xmlns:k="` + NamespaceCapabilities +
	`" xmlns:l="` + NamespacePlace + `" xmlns:d="` + NamespaceDataModel + `" xmlns:p="` + Namespace + `" xmlns:x="urn:x" xmlns:i="` + namespaceInstance + `" xmlns:g="` + NamespaceLocation + `" xmlns:b="` + namespaceBasicPolicy +
	`" xmlns:w="urn:ietf:params:xml:ns:watcherinfo" xmlns:o="urn:ietf:params:xml:ns:common-policy"`

// mendable are elements and what is written for them; "=" is the same bytes,
// "" nothing. What is typed stands with the prefixes of the types.
var mendable = []struct{ published, want string }{
	{`<r:activities from="2026-11-22T05:51:11Z" any="x" x:y="z"><r:note xml:lang="en">n</r:note><r:away/><x:y/><r:other>o</r:other></r:activities>`, "="},
	{"<r:activities>\n <!-- a --> <r:away/>\n</r:activities>", "="},
	{`<r:activities/>`, "="},
	{`<r:activities><r:unknown/><r:away/></r:activities>`, `<rpid:activities><rpid:away/></rpid:activities>`},
	{`<r:activities><r:lunch/></r:activities>`, `<rpid:activities><rpid:other>lunch</rpid:other></rpid:activities>`},
	{`<r:activities>away</r:activities>`, `<rpid:activities><rpid:away/></rpid:activities>`},
	{`<r:activities><r:away> </r:away></r:activities>`, `<rpid:activities><rpid:away/></rpid:activities>`},
	{`<r:activities><r:away p:mustUnderstand="1"/></r:activities>`, `<rpid:activities><rpid:away/></rpid:activities>`},
	{`<r:activities><r:away/><r:note>n</r:note></r:activities>`, `<rpid:activities><rpid:note>n</rpid:note><rpid:away/></rpid:activities>`},
	{`<r:activities until="soon"><r:away/></r:activities>`, `<rpid:activities><rpid:away/></rpid:activities>`},
	{`<r:activities><none xmlns=""/></r:activities>`, ""},
	{`<r:activities i:type="x:y"><r:away/></r:activities>`, `<rpid:activities><rpid:away/></rpid:activities>`},
	{`<r:activities>text<x:y a="b"><x:z/></x:y></r:activities>`, `<rpid:activities><x:y a="b"><x:z/></x:y></rpid:activities>`},
	{`<r:activities>text<x:y><r:mood/><c:icon>a b</c:icon></x:y></r:activities>`, `<rpid:activities><x:y><c:icon>a%20b</c:icon></x:y></rpid:activities>`},
	{`<r:mood/>`, ""},
	{`<r:mood>happy</r:mood>`, `<rpid:mood><rpid:happy/></rpid:mood>`},
	{`<r:mood>so so</r:mood>`, `<rpid:mood><rpid:other>so so</rpid:other></rpid:mood>`},
	{`<r:place-type><r:office/></r:place-type>`, `<rpid:place-type><lt:office/></rpid:place-type>`},
	{`<r:place-type><l:office>x</l:office></r:place-type>`, `<rpid:place-type><lt:office/></rpid:place-type>`},
	{`<r:place-is><r:video><r:dark/></r:video><r:audio><r:loud/></r:audio></r:place-is>`, `<rpid:place-is><rpid:video><rpid:dark/></rpid:video></rpid:place-is>`},
	{`<r:place-is><r:audio><r:loud/></r:audio></r:place-is>`, ""},
	{`<r:privacy><r:video/><r:audio/></r:privacy>`, `<rpid:privacy><rpid:audio/><rpid:video/></rpid:privacy>`},
	{`<r:relationship id="a"><r:friend/></r:relationship>`, `<rpid:relationship><rpid:friend/></rpid:relationship>`},
	{`<r:relationship>cousin</r:relationship>`, `<rpid:relationship><rpid:other>cousin</rpid:other></rpid:relationship>`},
	{`<r:service-class><r:postal/><r:courier/></r:service-class>`, `<rpid:service-class><rpid:postal/></rpid:service-class>`},
	{`<r:sphere>bowling league</r:sphere>`, ""},
	{`<r:sphere>work</r:sphere>`, `<rpid:sphere><rpid:work/></rpid:sphere>`},
	{`<r:class a="b">forms</r:class>`, `<rpid:class>forms</rpid:class>`},
	{`<r:status-icon>http://h/a b</r:status-icon>`, `<rpid:status-icon>http://h/a%20b</rpid:status-icon>`},
	{`<r:status-icon>http://h/a?b&amp;c</r:status-icon>`, "="},
	{`<r:time-offset> -60 </r:time-offset>`, "="},
	{`<r:time-offset>an hour</r:time-offset>`, ""},
	{`<r:user-input idle-threshold="0">idle</r:user-input>`, `<rpid:user-input>idle</rpid:user-input>`},
	{`<r:user-input> Idle </r:user-input>`, `<rpid:user-input>idle</rpid:user-input>`},
	{`<r:user-input>asleep</r:user-input>`, ""},
	{`<r:invented><r:mood/></r:invented>`, `<r:invented></r:invented>`},
	{`<c:display-name xml:lang="en">A</c:display-name>`, `<c:display-name>A</c:display-name>`},
	{`<c:card><x:y/></c:card>`, ""},
	{`<t:timed-status from="2026-11-22T05:51:11Z"><t:note>n</t:note><t:basic>OPEN</t:basic></t:timed-status>`,
		`<ts:timed-status from="2026-11-22T05:51:11Z"><ts:basic>open</ts:basic><ts:note>n</ts:note></ts:timed-status>`},
	{`<t:timed-status><t:basic>open</t:basic></t:timed-status>`, ""},
	{`<k:servcaps><k:video>yes</k:video><k:text>true</k:text><k:audio>1</k:audio></k:servcaps>`, `<caps:servcaps><caps:audio>true</caps:audio><caps:text>true</caps:text></caps:servcaps>`},
	{`<k:devcaps><k:mobility><k:notsupported/><k:supported><k:mobile/></k:supported></k:mobility></k:devcaps>`,
		`<caps:devcaps><caps:mobility><caps:supported><caps:mobile/></caps:supported></caps:mobility></caps:devcaps>`},
	{`<x:y xml:lang="en_US" p:mustUnderstand="yes" a="b"><x:z xml:lang="de"/></x:y>`, `<x:y a="b"><x:z xml:lang="de"/></x:y>`},
	{`<x:y>a<p:presence/><d:person/>b<l:office>c</l:office></x:y>`, `<x:y>ab<lt:office/></x:y>`},
	{`<x:y i:type="x:none" i:nil="false" a="b"><x:z i:type="p:tuple"/></x:y>`, `<x:y a="b"><x:z/></x:y>`},
	{`<g:geopriv/>`, ""},
	{`<g:geopriv><g:location-info/></g:geopriv>`, ""},
	{`<g:geopriv><g:location-info><x:y/></g:location-info></g:geopriv>`, `<gp:geopriv><g:location-info><x:y/></g:location-info><gp:usage-rules></gp:usage-rules></gp:geopriv>`},
	{`<g:geopriv><g:location-info><x:y/></g:location-info><g:usage-rules><g:retransmission-allowed>no</g:retransmission-allowed></g:usage-rules></g:geopriv>`, "="},
	{`<g:geopriv><g:location-info/><g:usage-rules/></g:geopriv>`, "="},
	{`<g:geopriv><g:location-info><x:y a="b"/></g:location-info><g:usage-rules><b:retransmission-allowed>true</b:retransmission-allowed><b:note-well xml:lang="en">n</b:note-well><x:z/></g:usage-rules><g:method>GPS</g:method><g:provided-by><x:y><p:tuple/></x:y></g:provided-by><x:y/></g:geopriv>`, "="},
	{`<g:geopriv><g:location-info><x:y a="b"/></g:location-info><g:usage-rules><b:retransmission-allowed>no</b:retransmission-allowed><b:note-well><b:x/></b:note-well><b:external-ruleset>a b</b:external-ruleset></g:usage-rules><g:method a="b"/></g:geopriv>`,
		`<gp:geopriv><g:location-info><x:y a="b"/></g:location-info><gp:usage-rules><gbp:retransmission-allowed>false</gbp:retransmission-allowed><gbp:external-ruleset>a%20b</gbp:external-ruleset></gp:usage-rules></gp:geopriv>`},
	{`<g:geopriv><g:location-info><g:y/></g:location-info><g:usage-rules/></g:geopriv>`, ""},
	{`<w:watcherinfo version="x"/>`, ""},
	{`<x:y><w:watcherinfo/><o:ruleset><o:rule/></o:ruleset></x:y>`, `<x:y></x:y>`},
	{`<x:y anything="x"> goes <x:z/> <r:away>as</r:away> it <p:tuple/> is</x:y>`, "="},
}

// unbound is what was written, without the declarations.
func unbound(s string) string {
	for {
		before, rest, found := strings.Cut(s, " xmlns")
		if !found {
			return s
		}
		_, rest, _ = strings.Cut(rest, `"`)
		_, rest, _ = strings.Cut(rest, `"`)
		s = before + rest
	}
}

func TestComposeMends(t *testing.T) {
	for _, tt := range mendable {
		t.Run(tt.published, func(t *testing.T) {
			want := tt.want
			if want == "=" {
				want = tt.published
			}
			for _, place := range []struct{ before, after string }{
				{`<tuple id="a"><status><basic>open</basic></status>`, "</tuple>\n"},
				{`<tuple id="a"><status><basic>open</basic>`, "</status></tuple>\n"},
				{`<d:person id="a">`, "</d:person>\n"},
				{`<d:device id="a">`, "<d:deviceID>urn:x:9</d:deviceID></d:device>\n"},
			} {
				published := `<presence ` + ns + mendScope + `>` + place.before + tt.published + place.after + `</presence>`
				got := unbound(children(t, compose(t, Source{Doc: parse(t, published)})))
				if w := strings.ReplaceAll(place.before, "d:", "dm:") + want + strings.ReplaceAll(place.after, "d:", "dm:"); got != w {
					t.Errorf("got\n%s\nwant\n%s", got, w)
				}
			}
		})
	}
}

// TestComposeMendsBeforeItChooses: what says nothing does not hide what an
// elder publication says.
func TestComposeMendsBeforeItChooses(t *testing.T) {
	elder := Source{Doc: parse(t, doc(human("p", "<r:mood><r:sad/></r:mood>"))), Key: "1"}
	newer := Source{Doc: parse(t, doc(human("p", "<r:mood/>"))), Key: "2"}
	if got := compose(t, elder, newer); !strings.Contains(got, "<r:sad/>") {
		t.Error(got)
	}
}

// TestComposeMutated composes what is nearly what clients publish, and has all
// of it validated.
func TestComposeMutated(t *testing.T) {
	var bodies []string
	for _, folder := range []string{"xml", "xml-corrected"} {
		files, err := filepath.Glob(shared(t, "rfc-examples", folder, "*-presence-*.xml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			bodies = append(bodies, string(body))
		}
	}
	bodies = append(bodies, captured(t, shared(t))...)
	bodies = append(bodies, string(everything().Append(nil)))
	for _, tt := range mendable {
		bodies = append(bodies, `<presence `+ns+mendScope+">\n<d:person id='q'>\n"+strings.ReplaceAll(tt.published, "><", ">\n<")+"\n</d:person>\n</presence>")
	}
	random := rand.New(rand.NewPCG(4480, 5))
	composed := 0
	for _, body := range bodies {
		for range 25 {
			if d, err := Parse([]byte(mutated(random, body))); err == nil {
				compose(t, Source{Doc: d})
				emit(d.Presence().Append(nil))
				composed++
			}
		}
	}
	if composed < 1000 {
		t.Errorf("only %d documents", composed)
	}
}

// mutated is a document with a few lines lost, doubled, swapped, or with other
// values.
func mutated(r *rand.Rand, body string) string {
	lines := strings.Split(strings.ReplaceAll(body, "><", ">\n<"), "\n")
	for range 1 + r.IntN(3) {
		i, j := r.IntN(len(lines)), r.IntN(len(lines))
		switch line := lines[i]; r.IntN(7) {
		case 0:
			lines[i] = ""
		case 1:
			lines[i] += "\n" + line
		case 2:
			lines[i], lines[j] = lines[j], line
		case 3:
			lines[i] = strings.Replace(line, "/>", ">"+fmt.Sprint(i)+"</x>", 1)
			if name, _, found := strings.Cut(strings.TrimSpace(line), "/>"); found && !strings.Contains(name, " ") {
				lines[i] = strings.TrimSpace(name) + ">text</" + strings.TrimPrefix(name, "<") + ">"
			}
		case 4:
			lines[i] = strings.Replace(line, "</", " of no kind</", 1)
		case 5:
			if !strings.HasPrefix(strings.TrimSpace(line), "<?") {
				lines[i] = strings.Replace(line, `="`, `="0 `, 1)
			}
		case 6:
			lines[i] = strings.Replace(line, "/>", ` until="never" id="7"/>`, 1)
		}
	}
	return strings.Join(lines, "\n")
}
