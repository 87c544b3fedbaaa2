package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"os"

	"github.com/emiago/sipgo/sip"
)

// application is a kind of documents: an application usage of XCAP (RFC 4825 s.5).
type application struct {
	auid string
	kind string // MIME type
	what string // for people
	none string // what counts without a document
}

var (
	presRules       = application{"pres-rules", "application/auth-policy+xml", "access rules", "the agent's defaults count"} // RFC 5025 s.9
	visibilityRules = application{"presenced.visibility-rules", "application/auth-policy+xml", "visibility rules", "everybody sees that they are watched"}
	delegations     = application{"presenced.delegation", "application/auth-policy+xml", "delegations", "nobody may act in their place"}
)

// largestDocument bounds a document that is put, in bytes.
const largestDocument = 1 << 20

// editTries is how often an edit begins anew because somebody else has changed
// the document meanwhile.
const editTries = 5

// ruleDocument is one whole document at the agent.
type ruleDocument struct {
	api   *api
	usage application
	owner sip.Uri
}

// document is the acting principal's document of a kind; with --for, that of
// the principal who made it a delegate.
func (a *agent) document(u application) (*ruleDocument, error) {
	owner, err := a.presentity()
	if err != nil {
		return nil, err
	}
	p, err := a.api()
	if err != nil {
		return nil, err
	}
	return &ruleDocument{api: p, usage: u, owner: owner}, nil
}

// presentity is whom the command is about: the principal, or the one that
// --for names.
func (a *agent) presentity() (sip.Uri, error) {
	if a.options.presentity == "" {
		return a.account.uri, nil
	}
	return parseAddress(a.options.presentity)
}

// path is where the document is (RFC 4825 s.6).
func (d *ruleDocument) path() string { return d.folder() + "index" }

func (d *ruleDocument) folder() string {
	return "/xcap-root/" + d.usage.auid + "/users/" + url.PathEscape(d.owner.Addr()) + "/"
}

// get returns the document and its entity-tag; nil where there is none.
func (d *ruleDocument) get(ctx context.Context) (doc []byte, etag string, err error) {
	res, err := d.api.do(ctx, http.MethodGet, d.path(), nil, nil)
	switch {
	case err != nil:
		return nil, "", err
	case res.code == http.StatusNotFound:
		return nil, "", nil
	case res.code != http.StatusOK:
		return nil, "", res.refused("GET")
	case res.etag == "":
		return nil, "", failed("GET was answered without an entity-tag")
	}
	return res.body, res.etag, nil
}

// put stores the document under a condition, a header field of HTTP; nil for
// none.
func (d *ruleDocument) put(ctx context.Context, doc []byte, condition http.Header) (*answer, error) {
	header := http.Header{"Content-Type": {d.usage.kind}}
	for name, values := range condition {
		header[name] = values
	}
	return d.api.do(ctx, http.MethodPut, d.path(), header, doc)
}

// edit changes the document, and again if another change came between (RFC 4825
// s.7.11). change gets nil where there is no document. It says whether anything
// had to be changed.
func (d *ruleDocument) edit(ctx context.Context, change func(doc []byte) ([]byte, error)) (changed bool, err error) {
	for try := 1; ; try++ {
		doc, etag, err := d.get(ctx)
		if err != nil {
			return false, err
		}
		edited, err := change(doc)
		if err != nil {
			return false, err
		}
		if doc != nil && bytes.Equal(doc, edited) {
			return false, nil
		}
		condition := http.Header{"If-None-Match": {"*"}}
		if doc != nil {
			condition = http.Header{"If-Match": {etag}}
		}
		res, err := d.put(ctx, edited, condition)
		switch {
		case err != nil:
			return false, err
		case res.code >= 200 && res.code < 300:
			return true, nil
		case res.code != http.StatusPreconditionFailed || try == editTries:
			return false, res.refused("PUT")
		}
	}
}

// putFile stores what a file says, "-" for stdin.
func (d *ruleDocument) putFile(ctx context.Context, path string) error {
	doc, err := readDocument(d.api.agent.terminal, path)
	if err != nil {
		return err
	}
	res, err := d.put(ctx, doc, nil)
	if err != nil {
		return err
	}
	if res.code < 200 || res.code > 299 {
		return res.refused("PUT")
	}
	d.tell("stored", "the %s of %s are stored", d.usage.what, name(d.owner))
	return nil
}

func readDocument(t *terminal, path string) ([]byte, error) {
	source := t.stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, usageError("%s", err)
		}
		defer f.Close()
		source = f
	}
	doc, err := io.ReadAll(io.LimitReader(source, largestDocument+1))
	if err != nil {
		return nil, failed("%s: %s", path, err)
	}
	if len(doc) > largestDocument {
		return nil, usageError("%s is longer than %d bytes", path, largestDocument)
	}
	return doc, nil
}

// remove deletes the document.
func (d *ruleDocument) remove(ctx context.Context) error {
	res, err := d.api.do(ctx, http.MethodDelete, d.path(), nil, nil)
	switch {
	case err != nil:
		return err
	case res.code == http.StatusNotFound:
		d.tell("deleted", "%s has no %s", name(d.owner), d.usage.what)
		return nil
	case res.code < 200 || res.code > 299:
		return res.refused("DELETE")
	}
	d.tell("deleted", "the %s of %s are deleted: %s", d.usage.what, name(d.owner), d.usage.none)
	return nil
}

func (d *ruleDocument) tell(what, format string, args ...any) {
	d.api.agent.out.tell(event{Event: what, Presentity: d.owner.String(), Type: d.usage.auid}, format, args...)
}

// manage does what the flags say with a document as a whole, or else shows it:
// raw, or by the words that describe makes of it. doc is nil where there is
// none.
func (d *ruleDocument) manage(ctx context.Context, describe func(doc []byte) error) error {
	o := d.api.agent.options
	switch {
	case o.wholes() > 1:
		return usageError("only one of --document, --put and --delete")
	case o.put != "":
		return d.putFile(ctx, o.put)
	case o.remove:
		return d.remove(ctx)
	}
	doc, _, err := d.get(ctx)
	switch {
	case err != nil:
		return err
	case !o.raw:
		return describe(doc)
	case doc == nil:
		return failed("%s has no %s", name(d.owner), d.usage.what)
	}
	_, err = d.api.agent.terminal.stdout.Write(doc)
	return err
}

// wholes counts the flags that are about a document as a whole.
func (o *options) wholes() int {
	n := 0
	for _, set := range []bool{o.raw, o.put != "", o.remove} {
		if set {
			n++
		}
	}
	return n
}
