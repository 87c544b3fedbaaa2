package pidf

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/beevik/etree"
)

// kilobyte is a publication of about 1 kB in the manner of linphone.
func kilobyte(n int) []byte {
	return []byte(fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" xmlns:online="http://www.example.org/xsds/online.xsd" entity="sip:bob@example.test" xmlns="urn:ietf:params:xml:ns:pidf">
 <tuple id="tuple%[1]d">
  <status>
   <basic>open</basic>
   <online:online/>
  </status>
  <dm:deviceID>urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6b%02[1]d</dm:deviceID>
  <contact priority="0.8">sip:bob@192.0.2.%[1]d:5060;transport=tcp</contact>
  <note xml:lang="en">Working from the office today</note>
  <timestamp>2026-11-22T05:51:11Z</timestamp>
 </tuple>
 <note xml:lang="en">In Tokyo next week</note>
 <dm:person id="p%[1]d">
  <rpid:activities>
   <rpid:note>In a meeting until three, %[1]d</rpid:note>
   <rpid:meeting/>
   <rpid:busy/>
  </rpid:activities>
  <dm:note>Please send a message first</dm:note>
  <dm:timestamp>2026-11-22T05:51:11Z</dm:timestamp>
 </dm:person>
</presence>
`, n))
}

func BenchmarkParse(b *testing.B) {
	body := kilobyte(1)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReaderRead(b *testing.B) {
	body := kilobyte(1)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	var r Reader
	var d Document
	for b.Loop() {
		if err := r.Read(&d, body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseEtree(b *testing.B) {
	body := kilobyte(1)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := etree.NewDocument().ReadFromBytes(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseEncodingXML(b *testing.B) {
	body := string(kilobyte(1))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		decoder := xml.NewDecoder(strings.NewReader(body))
		var err error
		for err == nil {
			_, err = decoder.Token()
		}
		if !errors.Is(err, io.EOF) {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompose(b *testing.B) {
	for _, count := range []int{1, 3, 10} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			var sources []Source
			for i := range count {
				sources = append(sources, Source{Doc: parse(b, string(kilobyte(i+1)))})
			}
			var dst []byte
			b.ReportAllocs()
			for b.Loop() {
				dst = Compose(dst[:0], alice, sources)
			}
			b.SetBytes(int64(len(dst)))
		})
	}
}

func BenchmarkPresence(b *testing.B) {
	d := parse(b, string(kilobyte(1)))
	b.ReportAllocs()
	for b.Loop() {
		d.Presence()
	}
}

func BenchmarkAppend(b *testing.B) {
	p := parse(b, string(kilobyte(1))).Presence()
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = p.Append(dst[:0])
	}
	b.SetBytes(int64(len(dst)))
}
