package policy

import (
	"testing"

	"presenced/pidf"
)

// benchmarkTransform has a composed document of 1.3 kB.
func benchmarkTransform(b *testing.B, p Permissions) {
	d, err := pidf.Parse([]byte(typical))
	if err != nil {
		b.Fatal(err)
	}
	dst := p.Transform(nil, d)
	b.SetBytes(int64(len(typical)))
	b.ReportMetric(float64(len(dst)), "B/doc")
	b.ReportAllocs()
	for b.Loop() {
		dst = p.Transform(dst[:0], d)
	}
}

func BenchmarkTransformEverything(b *testing.B) { benchmarkTransform(b, Everything) }

func BenchmarkTransformFew(b *testing.B) {
	benchmarkTransform(b, Permissions{Handling: Allow, Services: all, Persons: all, Activities: true, Note: true})
}

func BenchmarkTransformBySelection(b *testing.B) {
	benchmarkTransform(b, Permissions{
		Handling: Allow, Activities: true, UserInput: UserInputBare,
		Services: Selection{ServiceURIs: []string{"sip:bob@192.0.2.2:5060;transport=tcp"}, ServiceURISchemes: []string{"mailto"}},
		Persons:  Selection{Classes: []string{"work"}},
	})
}

func BenchmarkTransformNothing(b *testing.B) { benchmarkTransform(b, Permissions{Handling: Allow}) }

// typical is what two devices of one presentity make together.
const typical = `<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:online="http://www.example.org/xsds/online.xsd" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:bob@example.test">
<tuple id="tuple1"><status><basic>open</basic><online:online/></status><dm:deviceID>urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6b01</dm:deviceID><contact priority="0.8">sip:bob@192.0.2.1:5060;transport=tcp</contact><note xml:lang="en">Working from the office today</note><timestamp>2026-11-22T05:51:11Z</timestamp></tuple>
<tuple id="tuple2"><status><basic>open</basic><online:online/></status><dm:deviceID>urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6b02</dm:deviceID><contact priority="0.4">sip:bob@192.0.2.2:5060;transport=tcp</contact><note xml:lang="en">On the train</note><timestamp>2026-11-22T05:52:12Z</timestamp></tuple>
<note xml:lang="en">In Tokyo next week</note>
<dm:person id="p1"><rpid:activities><rpid:note>In a meeting until three</rpid:note><rpid:meeting/><rpid:busy/></rpid:activities><rpid:class>work</rpid:class><rpid:user-input idle-threshold="600" last-input="2026-11-22T05:51:11Z">idle</rpid:user-input><dm:note>Please send a message first</dm:note><dm:timestamp>2026-11-22T05:51:11Z</dm:timestamp></dm:person>
</presence>
`
