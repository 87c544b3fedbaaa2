package sip

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

func TestResponseOf(t *testing.T) {
	own := &Response{Code: 202}
	for _, c := range []struct {
		name   string
		res    *Response
		err    error
		code   int
		reason string
	}{
		{"a response", own, nil, 202, ""},
		{"a refusal", nil, Errorf(412, ""), 412, ""},
		{"a refusal with a phrase", nil, Errorf(400, "No %s", "body"), 400, "No body"},
		{"a refusal inside another error", nil, fmt.Errorf("store: %w", Errorf(503, "")), 503, ""},
		{"another error tells nothing", nil, errors.New("password of alice"), 500, ""},
		{"an error beside a response", own, io.EOF, 500, ""},
		{"nothing", nil, nil, 500, ""},
	} {
		res := ResponseOf(c.res, c.err)
		if res.Code != c.code || res.Reason != c.reason {
			t.Errorf("%s: got %d %q", c.name, res.Code, res.Reason)
		}
	}
}

func TestError(t *testing.T) {
	err := Errorf(503, "").With("Retry-After", "5").Because(io.ErrClosedPipe)
	if err.Error() != "503 Service Unavailable: io: read/write on closed pipe" || !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the log hears %q", err)
	}
	res := err.Response()
	if res.Code != 503 || res.Reason != "" || len(res.Header) != 1 || res.Header[0] != (Field{"Retry-After", "5"}) {
		t.Errorf("the peer hears %+v", res)
	}
	if !errors.Is(Errorf(500, "store: %w", io.EOF), io.EOF) {
		t.Error("the cause is lost")
	}
}

func TestReasonPhrase(t *testing.T) {
	for code, want := range map[int]string{200: "OK", 412: "Conditional Request Failed", 489: "Bad Event", 299: "OK", 499: "Bad Request", 799: "Status 799"} {
		if got := ReasonPhrase(code); got != want {
			t.Errorf("%d is %q, want %q", code, got, want)
		}
	}
}
