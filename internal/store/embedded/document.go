package embedded

import (
	"context"
	"errors"
	"fmt"

	"presenced/internal/store"
)

// Document is the stored one, or ErrNotFound. To learn that there is none
// costs no look at the disk.
func (e *Engine) Document(_ context.Context, aor, name string) (store.Document, error) {
	return e.durable.document(aor, name)
}

// PutDocument stores a document in place of the one with its AOR and Name,
// where ifMatch holds; else ErrNoMatch.
func (e *Engine) PutDocument(_ context.Context, d store.Document, ifMatch string) error {
	if err := e.writable(); err != nil {
		return err
	}
	if err := checkDocument(d); err != nil {
		return err
	}
	err := e.durable.putDocument(d, ifMatch)
	e.documentChanged(d.AOR, d.Name, err)
	return err
}

// DeleteDocument removes a document where ifMatch holds. ErrNotFound,
// ErrNoMatch.
func (e *Engine) DeleteDocument(_ context.Context, aor, name, ifMatch string) error {
	if err := e.writable(); err != nil {
		return err
	}
	err := e.durable.deleteDocument(aor, name, ifMatch)
	e.documentChanged(aor, name, err)
	return err
}

// documentChanged tells of a write, unless it is known to have changed nothing.
func (e *Engine) documentChanged(aor, name string, err error) {
	if err == nil || errors.Is(err, store.ErrUnavailable) {
		e.news.Tell(aor, name)
	}
}

// DocumentChanged blocks until a document was put or deleted, and returns which
// one. The error is the context's, or ErrUnavailable once the engine is closed.
func (e *Engine) DocumentChanged(ctx context.Context) (aor, name string, err error) {
	return e.news.Next(ctx)
}

// maxDocumentKey is what AOR and Name may have together, in bytes: no key of
// the database may be longer than 32,768.
const maxDocumentKey = 32_000

func checkDocument(d store.Document) error {
	if err := d.Check(); err != nil {
		return err
	}
	if n := len(d.AOR) + len(d.Name); n > maxDocumentKey {
		return fmt.Errorf("%w: a document's name of %d bytes", store.ErrLimit, n)
	}
	return tooLarge(len(d.Tag), len(d.Body))
}

// documentKey names a document in the database.
func documentKey(aor, name string) []byte { return []byte(aor + "\x00" + name) }
