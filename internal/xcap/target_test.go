package xcap

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"presenced/sip"
)

func TestTarget(t *testing.T) {
	for _, test := range []struct {
		path string
		want target // usage by its name below
		name string
	}{
		{"/xcap-root/pres-rules/users/sip:joe@example.com/index", target{aor: "sip:joe@example.com"}, "pres-rules"}, // as in RFC 4825 s.6.2
		{"/xcap-root/pres-rules/users/sips:joe@example.com;x=y/index", target{aor: "sip:joe@example.com"}, "pres-rules"},
		{"/xcap-root/pres-rules/users/sip:a%2Fb%3Fc@example.com/index", target{aor: "sip:a/b?c@example.com"}, "pres-rules"}, // s.6.2: / and ? are escaped
		{"/xcap-root/pres-rules/users/sip:a%2520b@example.com/index", target{aor: "sip:a%20b@example.com"}, "pres-rules"},
		{"/xcap-root/presenced.delegation/users/joe@%5B::1%5D/index", target{aor: "sip:joe@[::1]"}, "presenced.delegation"},
		{"/xcap-root/pres-rules/users/sip:joe@example.com/index/~~/a/~~/b", target{aor: "sip:joe@example.com", node: true}, "pres-rules"},
		{"/watchers/sip:joe@example.com", target{aor: "sip:joe@example.com"}, ""},
		{"/watchers/joe@example.com/history", target{aor: "sip:joe@example.com", history: true}, ""},
	} {
		got, err := parseTarget(test.path)
		if err != nil {
			t.Errorf("%s: %v", test.path, err)
			continue
		}
		name := ""
		if got.usage != nil {
			name = got.usage.name
		}
		plain := *got
		plain.usage = nil
		if plain != test.want || name != test.name {
			t.Errorf("%s: %+v %s, want %+v %s", test.path, plain, name, test.want, test.name)
		}
	}
}

func TestBadTarget(t *testing.T) {
	for path, code := range map[string]int{
		"":            404,
		"/xcap-root":  404,
		"/xcap-root/": 404,
		"/xcap-root/pres-rules/users/sip:joe@example.com/index/":      404,
		"/xcap-root/pres-rules/users/sip:joe@example.com/a/index":     404,
		"/xcap-root/pres-rules//users/sip:joe@example.com/index":      404,
		"/xcap-root/pres-rules/users/sip:joe@example.com/../../index": 404,
		"/xcap-root/pres-rules/users/~~/sip:joe@example.com/index":    404, // the first ~~ ends the document selector
		"/xcap-root/pres-rules/users/sip:joe/index":                   404,
		"/xcap-root/pres-rules/users/sip:@example.com/index":          404,
		"/xcap-root/pres-rules/users/mailto:joe@example.com/index":    404,
		"/xcap-root/pres-rules/users/sip:joe%20x@example.com/index":   404, // unescaped once: a space
		"/xcap-root/pres-rules/users/sip:joe%zz@example.com/index":    400,
		"/watchers/":                 404,
		"/watchers/joe@example.com/": 404,
		"/watchers/%":                400,
		"/xcap-root/" + strings.Repeat("x", maxPath): 414,
	} {
		_, err := parseTarget(path)
		var refused *sip.Error
		if !errors.As(err, &refused) || refused.Code != code {
			t.Errorf("%s: %v, want %d", path, err, code)
		}
	}
}

// FuzzTarget: a path that is read names a canonical address-of-record, and the path that we write for it names the same.
func FuzzTarget(f *testing.F) {
	f.Add("/xcap-root/pres-rules/users/sip:joe@example.com/index/~~/x")
	f.Add("/xcap-root/org.openmobilealliance.pres-rules/users/pres:a%2Fb%40c@EXAMPLE.com/pres-rules")
	f.Add("/watchers/joe@[::1]/history")
	f.Add("/xcap-root/presenced.delegation/users/sip:%25@x/index/%7e~")
	f.Fuzz(func(t *testing.T, path string) {
		got, err := parseTarget(path)
		if err != nil {
			var refused *sip.Error
			if !errors.As(err, &refused) || refused.Code < 400 || refused.Code > 414 || http.StatusText(refused.Code) == "" {
				t.Fatalf("%q: %v", path, err)
			}
			return
		}
		again, err := parseTarget(watching + url.PathEscape(got.aor))
		if err != nil || again.aor != got.aor || got.domain() == "" {
			t.Fatalf("%q names %q, whose own path names %+v (%v)", path, got.aor, again, err)
		}
	})
}

// FuzzTags: whatever the field, what is read of it is a list of tags without quotes.
func FuzzTags(f *testing.F) {
	for _, s := range []string{`"a"`, `*`, `W/"a", "b"`, `"a" "b"`, `"a`, `W/`, ` , `, `*, "a"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, field string) {
		got, err := parseTags([]string{field})
		if err != nil {
			return
		}
		if got.any == (len(got.list) > 0) || strings.Contains(strings.Join(got.list, ""), `"`) {
			t.Fatalf("%q: %+v", field, got)
		}
	})
}
