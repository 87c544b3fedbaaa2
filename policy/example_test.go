package policy_test

import (
	"fmt"

	"presenced/policy"
)

// Colleagues see one another, strangers wait, and who hides sees nobody.
func ExampleAccessRules_Handling() {
	rules := policy.AccessRules{
		Default: policy.Allow, Foreign: policy.Confirm, Anonymous: policy.Block,
		Local: func(domain string) bool { return domain == "example.com" },
	}
	for _, watcher := range []policy.Watcher{
		{URI: "sip:alice@example.com"},
		{URI: "sip:carol@example.org"},
		{URI: "sip:alice@example.com", Anonymous: true},
		{URI: "sip:bob@example.com"},
	} {
		fmt.Println(rules.Handling("sip:bob@example.com", watcher))
	}
	// Output:
	// allow
	// confirm
	// block
	// allow
}
