package policy_test

import (
	"errors"
	"fmt"
	"strings"

	"presenced/policy"
)

const rules = `<?xml version="1.0" encoding="UTF-8"?>
<cr:ruleset xmlns="urn:ietf:params:xml:ns:pres-rules" xmlns:cr="urn:ietf:params:xml:ns:common-policy">
 <cr:rule id="colleagues">
  <cr:conditions><cr:identity><cr:many domain="example.com"/></cr:identity></cr:conditions>
  <cr:actions><sub-handling>allow</sub-handling></cr:actions>
  <cr:transformations><provide-services><all-services/></provide-services></cr:transformations>
 </cr:rule>
 <cr:rule id="family-at-home">
  <cr:conditions><cr:identity><cr:one id="sip:mum@example.org"/></cr:identity><cr:sphere value="home"/></cr:conditions>
  <cr:actions><sub-handling>allow</sub-handling></cr:actions>
  <cr:transformations><provide-persons><all-persons/></provide-persons><provide-mood>true</provide-mood></cr:transformations>
 </cr:rule>
</cr:ruleset>`

func ExampleRules_Evaluate() {
	r, err := policy.ParseRules([]byte(rules))
	if err != nil {
		fmt.Println(err)
		return
	}
	mum := policy.Watcher{URI: "sip:mum@example.org"}
	fmt.Println(r.Evaluate(policy.Watcher{URI: "sip:bob@example.com"}, policy.Context{}).Handling)
	fmt.Println(r.Evaluate(mum, policy.Context{Sphere: "work"}).Handling)
	atHome := r.Evaluate(mum, policy.Context{Sphere: "home"})
	fmt.Println(atHome.Handling, atHome.Mood, atHome.Note)
	// Output:
	// allow
	// block
	// allow true false
}

// Whoever wrote the rules learns what is wrong with them, and where.
func ExampleParseRules() {
	_, err := policy.ParseRules([]byte(strings.Replace(rules, "sip:mum@example.org", "mum", 1)))
	var refused *policy.Error
	if errors.As(err, &refused) {
		fmt.Println(refused.Line, refused.Reason)
	}
	// Output:
	// 9 one: id "mum" is no URI of an identity
}

// The key is the name of the view that all watchers with these permissions share.
func ExamplePermissions_Key() {
	p := policy.Permissions{Handling: policy.Allow, Services: policy.Selection{ServiceURISchemes: []string{"sip", "im"}}, Note: true}
	fmt.Println(p.Key())
	back, err := policy.PermissionsOf(p.Key())
	fmt.Println(back.Services.ServiceURISchemes, back.Note, err)
	// Output:
	// 3-800;ss=im,sip
	// [im sip] true <nil>
}

// Bob is blocked in a domain in which everybody is allowed.
func ExampleSetHandling() {
	defaults := policy.AccessRules{Default: policy.Allow, Foreign: policy.Confirm, Anonymous: policy.Block}
	doc, err := defaults.Document("example.com")
	if err != nil {
		fmt.Println(err)
		return
	}
	if doc, err = policy.SetHandling(doc, "sip:bob@example.com", policy.Block); err != nil {
		fmt.Println(err)
		return
	}
	r, err := policy.ParseRules(doc)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, watcher := range []string{"sip:bob@example.com", "sip:carol@example.com", "sip:dave@example.org"} {
		fmt.Println(watcher, r.Evaluate(policy.Watcher{URI: watcher}, policy.Context{}).Handling)
	}
	// Output:
	// sip:bob@example.com block
	// sip:carol@example.com allow
	// sip:dave@example.org confirm
}

// The boss does not learn that the owner of these rules watches him.
func ExampleVisibility_Of() {
	v, err := policy.ParseVisibility([]byte(`<ruleset xmlns="urn:ietf:params:xml:ns:common-policy">
 <rule id="boss">
  <conditions><identity><one id="sip:boss@example.com"/></identity></conditions>
  <actions><watching xmlns="urn:presenced:visibility-rules">hidden</watching></actions>
 </rule>
</ruleset>`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(v.Of("sip:boss@example.com", policy.Context{}))
	fmt.Println(v.Of("sip:bob@example.com", policy.Context{}))
	// Output:
	// hidden
	// shown
}

// A secretary may publish and see who watches, but not edit the rules.
func ExampleDelegation_Of() {
	d, err := policy.ParseDelegation([]byte(`<ruleset xmlns="urn:ietf:params:xml:ns:common-policy" xmlns:d="urn:presenced:delegation">
 <rule id="secretary">
  <conditions><identity><one id="sip:secretary@example.com"/></identity></conditions>
  <actions><d:publish>true</d:publish><d:watchers>true</d:watchers></actions>
 </rule>
</ruleset>`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%+v\n", d.Of("sip:secretary@example.com", policy.Context{}))
	fmt.Printf("%+v\n", d.Of("sip:bob@example.com", policy.Context{}))
	// Output:
	// {Publish:true Watchers:true Rules:false}
	// {Publish:false Watchers:false Rules:false}
}
