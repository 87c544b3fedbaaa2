package redis

import (
	"context"
	"encoding/binary"
	"fmt"

	"presenced/internal/store"
)

// Secrets are the secrets of a name, newest first. They are kept whatever
// Redis syncs: a lost one costs each client a challenge.
func (e *Engine) Secrets(ctx context.Context, name string) ([]store.Secret, error) {
	answer, err := e.run(ctx, noShard, readSecretsScript, []string{e.secretsKey(name)})
	if err != nil {
		return nil, err
	}
	const head = 4 + 8
	r := newReply(answer)
	now := r.number()
	var list []store.Secret
	for r.more() {
		packed := []byte(r.text())
		if len(packed) < head {
			r.failed = true
			break
		}
		made := int64(binary.BigEndian.Uint64(packed[4:]))
		list = append(list, store.Secret{ID: binary.BigEndian.Uint32(packed), Key: packed[head:], Age: max(micros(now-made), 0)})
	}
	if r.failed {
		return nil, away(fmt.Errorf("%w: secrets", errMalformed))
	}
	return list, nil
}

// AddSecret adds a secret as the newest one and keeps the newest keep. It does
// nothing when the newest is not ifNewest (0: there is none): another agent was
// faster.
func (e *Engine) AddSecret(ctx context.Context, name string, s store.Secret, keep int, ifNewest uint32) error {
	_, err := e.run(ctx, noShard, addSecretScript, []string{e.secretsKey(name)}, s.ID, s.Key, keep, ifNewest)
	return err
}

func (e *Engine) secretsKey(name string) string { return e.prefix + ":{secret:" + name + "}:keys" }
