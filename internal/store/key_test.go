package store

import (
	"hash/fnv"
	"testing"
)

func TestShardIsFNV1aFolded(t *testing.T) {
	for _, aor := range []string{"", "sip:alice@example.com", "sip:j%C3%BCrgen@[2001:db8::1]"} {
		h := fnv.New32a()
		h.Write([]byte(aor))
		s := h.Sum32()
		if got, want := Shard(aor), uint8(s^s>>8^s>>16^s>>24); got != want {
			t.Errorf("Shard(%q) = %d, want %d", aor, got, want)
		}
	}
}

func TestShardOfSubscription(t *testing.T) {
	tests := []struct {
		id    string
		shard uint8
		ok    bool
	}{
		{"00x", 0, true},
		{"ffx", 255, true},
		{"FFx", 0, false}, // lower case only
		{"7", 0, false},   // too short
		{"", 0, false},
		{"g0x", 0, false}, // no hexadecimal
		{"+1x", 0, false}, // no sign either
	}
	for _, test := range tests {
		shard, ok := ShardOfSubscription(test.id)
		if shard != test.shard || ok != test.ok {
			t.Errorf("ShardOfSubscription(%q) = %d, %v", test.id, shard, ok)
		}
	}
}
