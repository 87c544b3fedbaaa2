package notifier

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"time"
	"unique"

	"presenced/internal/store"
	"presenced/sip"
	"presenced/sip/event"
)

// subscription is one watcher's subscription to one topic. It is guarded by
// its shard's lock. What is needed only to render or to persist stays packed.
type subscription struct {
	shard    *shard
	topic    *topic
	*account        // of its watcher
	*rare           // nil for most
	id       string // the local tag
	path     path   // where NOTIFYs go, unless the dialog has a route set
	dialog   string // event.Dialog, packed, the terms if there are any, and the attempt

	standing unique.Handle[standing]
	expires  instant
	fence    uint64
	sent     uint64    // signature of what was told last; 0: nothing, or it was lost
	flight   *delivery // while busy
	paced    instant   // theoretical arrival time of the pace's token bucket
	retry    instant   // not before: a failure's Retry-After
	suspend  instant   // connection gone: when to give up; 0: not suspended
	wake     instant   // deadline, and its place in the shard's heap
	due      int32
	position int32 // in topic.subscriptions

	cseq      uint32 // of the last NOTIFY
	cseqLimit uint32 // reserved in the store up to this one

	epoch uint32 // rises with each SUBSCRIBE
	begun int32  // seconds of the notifier's life at which it was made, below 0 before
	known code   // the store has

	outcome   outcome // of the last NOTIFY
	failures  uint8   // NOTIFYs that were lost in a row
	copies    uint8   // rises when putBlock begins, and when it has put: odd meanwhile
	who       uint8   // what else the watcher's identity says
	routed    bool    // the dialog has a route set
	busy      bool
	sending   bool // a NOTIFY is being handed to the transaction layer
	dirty     bool
	urgent    bool // waits for no pace
	again     bool // what was lost is told again at retry, or with the next change
	waited    bool // for its pace, or for a 503's Retry-After
	reserving bool // the next block is about to be stored
	held      bool // until its SUBSCRIBE's 200 has been written
	queued    bool // stands in the window's queue
	gone      bool // not in the tables any more
	erased    bool // its stored copy has been deleted already
}

// path is a flow in less room: listeners are few, and a netip.AddrPort is
// padded.
type path struct {
	conn  uint64
	local unique.Handle[netip.AddrPort]
	addr  netip.Addr // the peer's
	port  uint16
	proto sip.Proto
}

func pathOf(f sip.Flow) path {
	return path{f.Conn, unique.Make(f.Local), f.Remote.Addr(), f.Remote.Port(), f.Proto}
}

func (p path) flow() sip.Flow {
	return sip.Flow{Proto: p.proto, Conn: p.conn, Local: p.local.Value(), Remote: netip.AddrPortFrom(p.addr, p.port)}
}

// nextHop is the first URI of the route set, or "".
func (s *subscription) nextHop() string {
	if !s.routed {
		return ""
	}
	dialog, _, err := event.UnpackDialog(s.dialog)
	if err != nil {
		return ""
	}
	return dialog.NextHop()
}

// terminated says whether the subscription has ended.
func (s *subscription) terminated() bool { return s.decision().State == event.Terminated }

// cseqBlock is how many sequence numbers one record reserves: a new owner
// starts behind the block (RFC 3261 s.12.2.2 lets the peer accept the gap).
const cseqBlock = 1 << 10

// record is the subscription's copy for the store, up to cseqLimit. Its data is
// the version, cseqLimit and who as varints, the flow, the dialog, the terms if
// there are any, and the attempt. From now on s shares the copy's memory: its dialog and its id are parts of data. Its
// shard is locked, or nobody else has s.
func (s *subscription) record(agent string, key store.Key, ttl time.Duration, now instant) store.Subscription {
	var room [1024]byte
	b := room[:0]
	b = binary.AppendUvarint(b, recordVersion)
	b = binary.AppendUvarint(b, uint64(s.cseqLimit))
	b = binary.AppendUvarint(b, uint64(s.who))
	b = s.path.appendTo(b)
	b = append(b, s.dialog...)
	data := string(b)
	s.dialog = data[len(data)-len(s.dialog):]
	s.id = partOf(s.dialog, s.id)
	return store.Subscription{
		ID: s.id, Key: key, Watcher: s.watcher,
		Fence: s.fence, Agent: agent, TTL: ttl, Data: data, Standing: uint16(s.code()), Age: s.age(now),
	}
}

const recordVersion = 2

// age is how long ago s was made, in whole seconds.
func (s *subscription) age(now instant) time.Duration {
	return max(0, time.Duration(now)/time.Second-time.Duration(s.begun)) * time.Second
}

// tag is the id, for who has not locked the shard: records move it.
func (s *subscription) tag() string {
	s.shard.mu.Lock()
	defer s.shard.mu.Unlock()
	return s.id
}

// partOf is part as it stands in whole, or part where it does not.
func partOf(whole, part string) string {
	if i := strings.Index(whole, part); i >= 0 {
		return whole[i : i+len(part)]
	}
	return part
}

// appendTo packs p: the protocol and the connection as varints, and the two
// addresses as strings in the form of netip.AddrPort.MarshalBinary.
func (p path) appendTo(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(p.proto))
	b = binary.AppendUvarint(b, p.conn)
	b = appendAddress(b, p.local.Value())
	return appendAddress(b, netip.AddrPortFrom(p.addr, p.port))
}

func appendAddress(b []byte, a netip.AddrPort) []byte {
	var room [64]byte
	packed, _ := a.AppendBinary(room[:0]) // its error is always nil
	return append(binary.AppendUvarint(b, uint64(len(packed))), packed...)
}

// unpackPath reads what appendTo wrote.
func unpackPath(u *event.Unpacker) (path, error) {
	f := sip.Flow{Proto: sip.Proto(u.Uint()), Conn: u.Uint()}
	local := f.Local.UnmarshalBinary([]byte(u.String()))
	remote := f.Remote.UnmarshalBinary([]byte(u.String()))
	return pathOf(f), errors.Join(local, remote, u.Err())
}

// restored reads a record back, without topic, standing and timers.
func restored(r store.Subscription) (*subscription, event.Dialog, error) {
	u := event.Unpack(r.Data)
	version := u.Uint()
	limit := uint32(u.Uint())
	bits := u.Uint()
	if version != recordVersion {
		return nil, event.Dialog{}, event.ErrPacked
	}
	path, err := unpackPath(u)
	if err != nil {
		return nil, event.Dialog{}, errors.Join(event.ErrPacked, err)
	}
	packed := u.Rest()
	dialog, rest, err := event.UnpackDialog(packed)
	if err != nil {
		return nil, event.Dialog{}, err
	}
	terms, err := unpackTerms(rest, r.Key)
	if err != nil {
		return nil, event.Dialog{}, err
	}
	s := &subscription{
		id: partOf(packed, r.ID), account: &account{watcher: r.Watcher}, who: uint8(bits),
		path: path, dialog: packed, routed: len(dialog.Routes) > 0,
		fence: r.Fence, cseq: limit, cseqLimit: limit, due: -1,
	}
	s.agree(terms)
	return s, dialog, nil
}

// dialogIn is the packed dialog in a record's data, with its attempt; "" in one
// of another version.
func dialogIn(data string) string {
	u := event.Unpack(data)
	version := u.Uint()
	_, _ = u.Uint(), u.Uint()     // the limit, who
	_, _ = u.Uint(), u.Uint()     // the flow's protocol and connection
	_, _ = u.String(), u.String() // its addresses
	if version != recordVersion || u.Err() != nil {
		return ""
	}
	return u.Rest()
}

const (
	anonymousBit = 1 << iota
	trustedBit
)

// identity is the watcher as it was authenticated.
func (s *subscription) identity() sip.Identity {
	return sip.Identity{AOR: s.watcher, Anonymous: s.who&anonymousBit != 0, Trusted: s.who&trustedBit != 0}
}

func identityBits(id sip.Identity) (bits uint8) {
	if id.Anonymous {
		bits |= anonymousBit
	}
	if id.Trusted {
		bits |= trustedBit
	}
	return bits
}
