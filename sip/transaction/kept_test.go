package transaction

import (
	"reflect"
	"strings"
	"testing"

	"presenced/sip"
)

func TestKept(t *testing.T) {
	for _, res := range []*sip.Response{
		{Code: 100, Body: []byte{}},
		{Code: 200, ToTag: "0123456789abcdef012345", Body: []byte{}, Header: []sip.Field{
			{Name: "Expires", Value: "3600"}, {Name: "Contact", Value: "<sip:192.0.2.9:5060>"}, {Name: "Supported", Value: ""}}},
		{Code: 420, Reason: strings.Repeat("No ", 300), Body: []byte("text"), Header: []sip.Field{{Name: "", Value: "x"}}},
	} {
		if got := keep(res).response(); !reflect.DeepEqual(got, res) {
			t.Errorf("%+v came back as %+v", res, got)
		}
	}
}
