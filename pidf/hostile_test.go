package pidf

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// What any document of DefaultMaxSize may cost to read and compose.
const (
	mostTime   = time.Millisecond
	mostMemory = 1 << 20 // bytes
)

// hostile are documents of about DefaultMaxSize that aim at a cost; some are
// refused, some accepted.
func hostile() map[string]string {
	filled := func(head, unit, tail string) string {
		room := DefaultMaxSize - len(doc(head+tail))
		return doc(head + strings.Repeat(unit, room/len(unit)) + tail)
	}
	numbered := func(head, format, tail string) string {
		var b strings.Builder
		for i := 0; b.Len() < DefaultMaxSize-len(doc(head+tail))-64; i++ {
			fmt.Fprintf(&b, format, i)
		}
		return doc(head + b.String() + tail)
	}
	var prefixes strings.Builder
	for i := range 60 {
		fmt.Fprintf(&prefixes, " xmlns:p%d='urn:%d'", i, i)
	}
	inScope := func(unit string) string {
		head := `<presence ` + ns + prefixes.String() + `>`
		return head + strings.Repeat(unit, (DefaultMaxSize-len(head)-20)/len(unit)) + `</presence>`
	}
	return map[string]string{
		"entities that expand":            `<!DOCTYPE p [<!ENTITY a "` + strings.Repeat("a", 1000) + `"><!ENTITY b "` + strings.Repeat("&a;", 20000) + `">]>` + doc("<note>&b;</note>"),
		"empty elements":                  filled("", "<a/>", ""),
		"empty elements with a namespace": filled("", "<a xmlns='u'/>", ""),
		"as many elements as allowed":     filled("", "<a xmlns='u'>"+strings.Repeat("x", 18)+"</a>", ""),
		"elements inside each other":      filled("", "<a>", ""),
		"attributes of one element":       numbered("<a ", " a%d=''", "/>"),
		"attributes of many elements":     filled("", "<a xmlns='u'"+strings.Repeat(" a='b'", 1)+"/>", ""),
		"references":                      filled("<note>", "&#0000000000000000000000000000000009;", "</note>"),
		"unfinished reference":            filled("<note>", "&#00000000000000000000000000000000000000", "</note>"),
		"ampersands in a value":           filled("<tuple id='", "&amp;", "'/>"),
		"namespaces of one element":       numbered("<a ", " xmlns:a%d='u'", "/>"),
		"namespaces of many elements":     numbered("", "<a xmlns='u:%d'/>", ""),
		"prefixes in scope of extensions": inScope("<p59:x/>"),
		"prefixes that texts nearly name": inScope("<p59:x>p p p p p p p p p p p p p p p p p p p p p p p p</p59:x>"),
		"brackets":                        filled("<note>", "]]", "</note>"),
		"comments":                        filled("", "<!---->", ""),
		"an unfinished comment":           filled("<!--", "- ", ""),
		"CDATA":                           filled("<note>", "<![CDATA[]]>", "</note>"),
		"unfinished CDATA":                filled("<note><![CDATA[", "]]", "</note>"),
		"tuples with one id":              filled("", "<tuple id='a'/>", ""),
		"tuples without an id":            filled("", "<tuple/>", ""),
		"tuples with ids like made ones":  numbered("", "<tuple id='a-%d'/><tuple id='a'/>", ""),
		"an id to be rewritten":           filled("<tuple id='", "\u00fc", "'/>"),
		"a contact to be rewritten":       filled("<tuple><contact>sip:", "\u00fc", "</contact></tuple>"),
		"notes that are the same":         filled("", "<note>a</note>", ""),
		"notes that differ":               numbered("", "<note>%d</note>", ""),
		"languages far out":               filled(strings.Repeat("<a xmlns='u'>", 29), "<note/>", strings.Repeat("</a>", 29)),
		"persons":                         filled("", "<person xmlns='"+NamespaceDataModel+"'/>", ""),
		"kinds of one person":             numbered("<person xmlns='"+NamespaceDataModel+"'>", "<a%d xmlns='u'/>", "</person>"),
		"elements to be mended":           filled("<person xmlns='"+NamespaceDataModel+"' xmlns:r='"+NamespaceRPID+"'>", "<r:mood>"+strings.Repeat("so ", 8)+"</r:mood>", "</person>"),
		"elements to be mended, inside each other": filled("<person xmlns='"+NamespaceDataModel+"' xmlns:r='"+NamespaceRPID+"' xmlns:x='u'>",
			strings.Repeat("<x:x>"+strings.Repeat("and so on ", 3)+"<r:mood>"+strings.Repeat("and so on ", 3), 13)+"<x:x/>"+strings.Repeat("</r:mood></x:x>", 13), "</person>"),
		"great elements to be mended": filled("<person xmlns='"+NamespaceDataModel+"' xmlns:r='"+NamespaceRPID+"'>", "<r:activities>a"+strings.Repeat("<r:away/>and so on and so on and so on", 190)+"</r:activities>", "</person>"),
		"devices":                     numbered("<x xmlns='"+NamespaceDataModel+"'/>", "<d:device xmlns:d='"+NamespaceDataModel+"'><d:deviceID>%d</d:deviceID></d:device>", ""),
		"a timestamp":                 filled("<tuple><timestamp>2026-11-22T00:00:00.", "0", "Z</timestamp></tuple>"),
		"bytes that are no text":      filled("<note>", "\xff", "</note>"),
	}
}

// TestHostileCost reads each hostile document, and composes those that are
// accepted. Others may run meanwhile: the best of several counts.
func TestHostileCost(t *testing.T) {
	for name, body := range hostile() {
		t.Run(name, func(t *testing.T) {
			if len(body) > DefaultMaxSize && !strings.Contains(body, "DOCTYPE") {
				t.Fatalf("%d bytes: refused for its size", len(body))
			}
			best, least := time.Hour, uint64(1<<62)
			for i := 0; i < 3 || !raced && i < 300 && best > mostTime; i++ {
				elapsed, allocated := cost(t, []byte(body))
				best, least = min(best, elapsed), min(least, allocated)
			}
			t.Logf("%d bytes: %v, %d bytes allocated", len(body), best, least)
			if !raced && best > mostTime {
				t.Errorf("%v", best)
			}
			if least > mostMemory {
				t.Errorf("%d bytes", least)
			}
		})
	}
}

func cost(t *testing.T, body []byte) (time.Duration, uint64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	d, err := Parse(body)
	if err == nil {
		Compose(nil, alice, []Source{{Doc: d}})
	}
	elapsed := time.Since(start)
	runtime.ReadMemStats(&after)
	var syntax *SyntaxError
	if err != nil && (!errors.As(err, &syntax) || len(err.Error()) > 300) {
		t.Fatalf("not a proper error: %v", err)
	}
	return elapsed, after.TotalAlloc - before.TotalAlloc
}

func BenchmarkHostile(b *testing.B) {
	for name, body := range hostile() {
		b.Run(name, func(b *testing.B) {
			document := []byte(body)
			b.ReportAllocs()
			for b.Loop() {
				if d, err := Parse(document); err == nil {
					Compose(nil, alice, []Source{{Doc: d}})
				}
			}
		})
	}
}
