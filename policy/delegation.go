package policy

// NamespaceDelegation is that of a delegation's actions.
const NamespaceDelegation = "urn:presenced:delegation"

// Delegated is what a principal lets another do in its place (RFC 2779
// s.2.3).
type Delegated struct {
	Publish  bool // publish its presence information
	Watchers bool // see its watcher information
	Rules    bool // edit its rules
}

// Delegation is common policy (RFC 4745) in which the identity is that of the
// delegate, and the actions are <publish>, <watchers> and <rules>, each true
// or false.
type Delegation struct{ ruleset[Delegated] }

// ParseDelegation reads a delegation within the limits of ParseRules. Any
// error is an *Error.
func ParseDelegation(doc []byte) (*Delegation, error) {
	s, err := parseRuleset(doc, permitDelegate)
	if err != nil {
		return nil, err
	}
	return &Delegation{*s}, nil
}

// Of returns what a delegate, an address-of-record, may do. One who is not
// authenticated may do nothing, whatever the rules say.
func (d *Delegation) Of(delegate string, c Context) Delegated {
	var all Delegated
	if _, known := canonical(delegate); !known {
		return all
	}
	for permits := range d.matching(delegate, c) {
		all.Publish = all.Publish || permits.Publish
		all.Watchers = all.Watchers || permits.Watchers
		all.Rules = all.Rules || permits.Rules
	}
	return all
}

func permitDelegate(d *Delegated, where part, e element) error {
	if e.Name().Namespace != NamespaceDelegation || where != actions {
		return checkExtension(e)
	}
	permission := map[string]*bool{"publish": &d.Publish, "watchers": &d.Watchers, "rules": &d.Rules}[e.Name().Local]
	if permission == nil {
		return checkExtensions(e)
	}
	value, err := e.boolean()
	*permission = *permission || value
	return err
}
