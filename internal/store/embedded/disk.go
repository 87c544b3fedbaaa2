package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"presenced/internal/store"
)

// The buckets of durable.db.
var (
	principalBucket = []byte("principal") // AOR -> pairs of algorithm and hash
	secretBucket    = []byte("secret")    // name -> secrets, newest first
)

// groupDelay is how long a durable write waits for others to be synced with.
const groupDelay = time.Millisecond

// diskDurable is the durable state in a bbolt file. A write is answered when
// its transaction is synced; writes that come together share one.
type diskDurable struct {
	db    *bbolt.DB
	count atomic.Int64 // principals: the database would have to walk its pages

	documents documentIndex
}

func openDurable(path string) (*diskDurable, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return nil, fmt.Errorf("embedded: %s: %w", path, err)
	}
	db.MaxBatchDelay = groupDelay
	d := &diskDurable{db: db}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, bucket := range [][]byte{principalBucket, secretBucket, documentBucket} {
			if _, err := tx.CreateBucketIfNotExists(bucket); err != nil {
				return err
			}
		}
		d.documents.load(tx.Bucket(documentBucket))
		d.count.Store(int64(tx.Bucket(principalBucket).Stats().KeyN))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("embedded: %s: %w", path, errors.Join(err, db.Close()))
	}
	return d, nil
}

// away makes the disk's errors ErrUnavailable, and leaves the store's alone.
func away(err error) error {
	if err == nil || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrNoMatch) {
		return err
	}
	return fmt.Errorf("%w: durable state: %w", store.ErrUnavailable, err)
}

func (d *diskDurable) principal(aor string) (p store.Principal, err error) {
	err = d.db.View(func(tx *bbolt.Tx) error {
		value := tx.Bucket(principalBucket).Get([]byte(aor))
		if value == nil {
			return store.ErrNotFound
		}
		p, err = unpackPrincipal(aor, value)
		return err
	})
	return p, away(err)
}

func (d *diskDurable) putPrincipal(p store.Principal) error {
	if p.AOR == "" {
		return errNoAOR
	}
	value := packPrincipal(p)
	known := false // set by the last run of a function that may run twice
	err := d.db.Batch(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(principalBucket)
		known = bucket.Get([]byte(p.AOR)) != nil
		return bucket.Put([]byte(p.AOR), value)
	})
	if err == nil && !known {
		d.count.Add(1)
	}
	return away(err)
}

func (d *diskDurable) deletePrincipal(aor string) error {
	err := d.db.Batch(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(principalBucket)
		if bucket.Get([]byte(aor)) == nil {
			return store.ErrNotFound
		}
		return bucket.Delete([]byte(aor))
	})
	if err == nil {
		d.count.Add(-1)
	}
	return away(err)
}

func (d *diskDurable) principals() (list []store.Principal, err error) {
	err = d.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(principalBucket).ForEach(func(aor, value []byte) error {
			p, err := unpackPrincipal(string(aor), value)
			list = append(list, p)
			return err
		})
	})
	return list, away(err)
}

func (d *diskDurable) countPrincipals() int { return int(d.count.Load()) }

func (d *diskDurable) secrets(name string) (list []secret, err error) {
	err = d.db.View(func(tx *bbolt.Tx) error {
		list, err = unpackSecrets(tx.Bucket(secretBucket).Get([]byte(name)))
		return err
	})
	return list, away(err)
}

func (d *diskDurable) addSecret(name string, s secret, keep int, ifNewest uint32) error {
	return away(d.db.Update(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(secretBucket)
		list, err := unpackSecrets(bucket.Get([]byte(name)))
		if err != nil {
			return err
		}
		return bucket.Put([]byte(name), packSecrets(rotate(list, s, keep, ifNewest)))
	}))
}

func (d *diskDurable) close() error { return d.db.Close() }

func packPrincipal(p store.Principal) []byte {
	b := binary.AppendUvarint(nil, uint64(len(p.HA1)))
	for _, algorithm := range slices.Sorted(maps.Keys(p.HA1)) {
		b = appendString(appendString(b, algorithm), p.HA1[algorithm])
	}
	return b
}

func unpackPrincipal(aor string, value []byte) (store.Principal, error) {
	f := &fields{rest: value}
	n := f.count()
	p := store.Principal{AOR: aor, HA1: make(map[string]string, n)}
	for range n {
		algorithm := f.string()
		p.HA1[algorithm] = f.string()
	}
	if f.err != nil {
		return store.Principal{}, fmt.Errorf("principal %q: %w", aor, f.err)
	}
	return p, nil
}

func packSecrets(list []secret) []byte {
	b := binary.AppendUvarint(nil, uint64(len(list)))
	for _, s := range list {
		b = binary.AppendUvarint(b, uint64(s.id))
		b = binary.AppendVarint(b, s.made)
		b = appendBytes(b, s.key)
	}
	return b
}

// unpackSecrets copies out of value, which is the database's.
func unpackSecrets(value []byte) ([]secret, error) {
	if value == nil {
		return nil, nil
	}
	f := &fields{rest: value}
	list := make([]secret, f.count())
	for i := range list {
		list[i] = secret{id: uint32(f.number()), made: f.signed(), key: f.bytes()}
	}
	if f.err != nil {
		return nil, fmt.Errorf("secrets: %w", f.err)
	}
	return list, nil
}

// syncFolder makes the names of a folder's new files outlive a power cut.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
