package redis

import (
	"bytes"
	"reflect"
	"testing"

	"presenced/internal/store"
)

// FuzzUnpack reads bytes as each kind of record. Nothing makes a reader panic
// or go on for ever; what can be read is written back as what reads the same.
func FuzzUnpack(f *testing.F) {
	f.Add(string(packBinding(&store.Binding{Contact: "sip:a@h", Params: ";q=0.5", CallID: "c", Agent: "a", Q: 500, CSeq: 7, Path: []string{"<sip:p;lr>"}})))
	f.Add(string(packBody(&store.Publication{ContentType: "application/pidf+xml", Source: "192.0.2.1", UserAgent: "x", Body: []byte("<a/>")})))
	f.Add("\x01a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")
	f.Add("")
	f.Fuzz(func(t *testing.T, packed string) {
		var b, sameBinding store.Binding
		if unpackBinding(&b, packed) {
			if again := string(packBinding(&b)); !unpackBinding(&sameBinding, again) || !reflect.DeepEqual(b, sameBinding) {
				t.Errorf("binding %+v, then %+v", b, sameBinding)
			}
		}
		var p, samePublication store.Publication
		if unpackBody(&p, packed) {
			if again := string(packBody(&p)); !unpackBody(&samePublication, again) || !bytes.Equal(p.Body, samePublication.Body) {
				t.Errorf("publication %+v, then %+v", p, samePublication)
			}
		}
		var s store.Subscription
		if unpackSubscription(&s, packed, 0) && s.TTL <= 0 {
			t.Errorf("subscription %+v has ended", s)
		}
		if who, err := unpackPrincipal("sip:a@h", packed); err == nil {
			again, err := unpackPrincipal("sip:a@h", string(packPrincipal(who)))
			if err != nil || !reflect.DeepEqual(who, again) {
				t.Errorf("principal %+v, then %+v, %v", who, again, err)
			}
		}
	})
}
