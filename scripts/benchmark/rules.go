package main

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// ourRules is presenced in memory where the presentity with the many watchers
// decides who sees it by 20 rules: 19 about one watcher each, who sees more or
// less, and one about all others.
var ourRules = target{"with rules", "embedded, memory alone; 20 access rules", startWithRules}

const (
	watched   = "sip:u00000000@127.0.0.1" // presence-load's first presentity
	ruleCount = 20
)

func startWithRules(ctx context.Context, b *bench, folder string, j job) (*running, error) {
	xcap, err := freePort()
	if err != nil {
		return nil, err
	}
	r, err := startPresenced(ctx, b, folder, j, nil, agent{xcap: xcap})
	if err != nil {
		return nil, err
	}
	if err := putRules(ctx, xcap, watched, rules()); err != nil {
		r.kill()
		return nil, err
	}
	return r, nil
}

// putRules stores access rules over HTTP.
func putRules(ctx context.Context, agent netip.AddrPort, presentity, document string) error {
	url := fmt.Sprintf("http://%s/xcap-root/pres-rules/users/%s/index", agent, presentity)
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, url, strings.NewReader(document))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/auth-policy+xml")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		return fmt.Errorf("rules refused: %s", answer.Status)
	}
	return nil
}

func rules() string {
	const seen = "<provide-services><all-services/></provide-services><provide-note>true</provide-note>" // presence-load counts states in the note
	kinds := []string{
		"",
		"<provide-persons><all-persons/></provide-persons>",
		"<provide-persons><all-persons/></provide-persons><provide-activities>true</provide-activities>",
		"<provide-devices><all-devices/></provide-devices><provide-mood>true</provide-mood>",
	}
	var b, except strings.Builder
	b.WriteString(`<cp:ruleset xmlns:cp="urn:ietf:params:xml:ns:common-policy" xmlns="urn:ietf:params:xml:ns:pres-rules">`)
	add := func(n int, identity, provided string) {
		fmt.Fprintf(&b, `<cp:rule id="r%d"><cp:conditions><cp:identity>%s</cp:identity></cp:conditions>`+
			`<cp:actions><sub-handling>allow</sub-handling></cp:actions><cp:transformations>%s</cp:transformations></cp:rule>`, n, identity, seen+provided)
	}
	for n := 1; n < ruleCount; n++ {
		watcher := fmt.Sprintf("sip:u%08d@127.0.0.1", n)
		add(n, fmt.Sprintf(`<cp:one id=%q/>`, watcher), kinds[n%len(kinds)])
		fmt.Fprintf(&except, `<cp:except id=%q/>`, watcher)
	}
	add(ruleCount, `<cp:many domain="127.0.0.1">`+except.String()+`</cp:many>`, "")
	b.WriteString("</cp:ruleset>")
	return b.String()
}
