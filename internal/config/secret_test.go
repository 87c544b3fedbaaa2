package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestNothingPrintsASecret(t *testing.T) {
	c, _, err := Parse("", []byte(`
[auth]
mode = "digest"
[store]
engine = "redis"
redis = "redis://alice:hunter2@localhost"
[[principal]]
uri = "sip:a@localhost"
password = "hunter2"
`))
	if err != nil {
		t.Fatal(err)
	}
	hidden := struct{ secret Secret }{c.Principals[0].Password}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%b", "%p"} {
		for _, v := range []any{c, *c, c.Store, *c.Store.Redis, c.Principals, c.Principals[0].Password, hidden} {
			checkHidden(t, fmt.Sprintf("%T by %s", v, verb), fmt.Sprintf(verb, v))
		}
	}
	var out bytes.Buffer
	if err := json.NewEncoder(&out).Encode(c); err != nil {
		t.Fatal(err)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("", "config", c, "password", c.Principals[0].Password)
	slog.New(slog.NewTextHandler(&out, nil)).Info("", "config", c, "password", c.Principals[0].Password)
	checkHidden(t, "JSON and logs", out.String())
	if !strings.Contains(out.String(), redacted) {
		t.Error("nothing was printed in place of the secret")
	}
	if got := c.Principals[0].Password.Reveal(); got != "hunter2" {
		t.Errorf("Reveal: %q", got)
	}
}

func checkHidden(t *testing.T, what, text string) {
	t.Helper()
	for _, secret := range []string{"hunter2", "68756e74657232", "68756E74657232"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s shows %s", what, secret)
		}
	}
}
