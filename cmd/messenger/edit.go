package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"

	"presenced/policy"
)

// A ledger is a document of rules that the messenger writes and edits by
// itself: it is read back rule by rule, and written anew as a whole. One that
// it did not write is not edited: writing it anew would lose what is not
// understood here.
type ledger interface {
	learn(r *rule)             // from a rule that was read
	document() ([]byte, error) // as the messenger writes it
}

// errForeign is a document that this messenger did not write.
var errForeign = errors.New("they were not written by messenger")

// revise changes the document by way of a ledger: fresh makes an empty one, change
// edits it.
func revise[L ledger](ctx context.Context, d *ruleDocument, fresh func() L, change func(L)) error {
	_, err := d.edit(ctx, func(doc []byte) ([]byte, error) {
		book := fresh()
		if err := readLedger(book, doc); err != nil {
			return nil, failed("the %s of %s are not edited: %s; see --document, --put and --delete",
				d.usage.what, name(d.owner), printable(err.Error()))
		}
		change(book)
		return book.document()
	})
	return err
}

// readLedger reads a document that this messenger wrote; nil is an empty one.
func readLedger(book ledger, doc []byte) error {
	if doc == nil {
		return nil
	}
	s, err := readRuleset(doc)
	if err != nil {
		return err
	}
	for i := range s.Rules {
		book.learn(&s.Rules[i])
	}
	if again, err := book.document(); err != nil || !bytes.Equal(again, doc) {
		return errForeign
	}
	return nil
}

// edited has the operands of a command that edits rules: none shows or manages
// the document as a whole, with describe for its rules.
func (d *ruleDocument) edited(ctx context.Context, operands []string, describe func(doc []byte) error) (done bool, err error) {
	switch {
	case len(operands) == 0:
		return true, d.manage(ctx, describe)
	case d.api.agent.options.wholes() > 0:
		return true, usageError("--document, --put and --delete stand alone")
	}
	return false, nil
}

// openRuleset begins a document of rules whose actions are of a namespace.
func openRuleset(namespace string) *bytes.Buffer {
	b := bytes.NewBufferString(xml.Header)
	fmt.Fprintf(b, `<cp:ruleset xmlns:cp="%s" xmlns="%s">`+"\n", policy.NamespaceCommonPolicy, namespace)
	return b
}

// closeRuleset ends it, and checks that the agent's parser takes it.
func closeRuleset[P any](b *bytes.Buffer, what string, parse func([]byte) (P, error)) ([]byte, error) {
	b.WriteString("</cp:ruleset>\n")
	if _, err := parse(b.Bytes()); err != nil {
		return nil, failed("the %s would not be valid: %s", what, printable(err.Error()))
	}
	return b.Bytes(), nil
}

// eachRule has something done with each rule of a document, or says what counts
// where there is none.
func eachRule[P any](d *ruleDocument, doc []byte, parse func([]byte) (P, error), do func(r *rule)) error {
	if doc == nil {
		d.api.agent.out.notice("%s has no %s: %s", name(d.owner), d.usage.what, d.usage.none)
		return nil
	}
	if _, err := parse(doc); err != nil {
		return unreadable(d, err)
	}
	s, err := readRuleset(doc)
	if err != nil {
		return unreadable(d, err)
	}
	for i := range s.Rules {
		do(&s.Rules[i])
	}
	return nil
}

func unreadable(d *ruleDocument, err error) error {
	return failed("the %s of %s cannot be read: %s", d.usage.what, name(d.owner), printable(err.Error()))
}
