package embedded

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"presenced/internal/store"
)

// The log is a file of frames behind a line that names it. A frame is
//
//	length of the payload   4 bytes, little endian
//	CRC-32C of the length   4 bytes: tells a torn frame from a damaged one
//	CRC-32C of the payload  4 bytes
//	payload                 one entry (entry.go)
//
// Entries set state absolutely, by id, so that to read some of them twice in
// the same order changes nothing.
const (
	logMagic    = "presenced soft state, version 2\n"
	logMagic1   = "presenced soft state, version 1\n" // read, and written anew
	frameHeader = 12
	maxEntry    = 16 << 20 // bytes; more is refused with ErrLimit

	compactFrom = 16 << 20 // bytes; a smaller log is left alone: reading it takes a moment, syncing a new one as long
	retryAfter  = time.Second
	keptBuffer  = 4 << 20 // a larger one is not kept for the next batch
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// file is what the log needs of an *os.File opened for appending.
type file interface {
	Write(p []byte) (int, error)
	Truncate(size int64) error
	Sync() error
	Close() error
}

func openForAppending(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// batch is the frames that one write takes, and where their callers wait.
type batch struct {
	frames []byte
	done   chan struct{} // closed when err is set
	err    error
}

// softLog is the log of the soft state. Callers append frames with their shard
// locked, and wait in commit with nothing locked: the first that gets the turn
// writes for all that came meanwhile.
//
// When a write fails, its callers get ErrUnavailable, its frames are kept, and
// no further write is accepted, until a retry has cut the file back to its last
// good frame and written what was kept. So the log never misses what memory has.
type softLog struct {
	path   string
	open   func(path string) (file, error)
	logger *slog.Logger
	broken atomic.Bool

	compactFrom int64
	grown       func() // called when the log is larger than that and twice its live state

	mu      sync.Mutex
	filling *batch // nil: empty
	writing *batch
	spare   []byte
	copying *copying // the snapshot under way

	// turn holds a token while somebody writes. What follows is the holder's.
	turn      chan struct{}
	file      file
	size      int64 // bytes of good frames in the file
	base      int64 // bytes that were live at the last snapshot
	unwritten []byte
	retry     *time.Timer
	closed    bool
}

// append adds an entry to the batch that is filling. generation is the one of
// the snapshot that has the entry's shard already, so that it goes there too.
func (l *softLog) append(entry []byte, generation uint64) {
	var header [frameHeader]byte
	putHeader(header[:], entry)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.filling == nil {
		l.filling = &batch{frames: l.spare[:0], done: make(chan struct{})}
		l.spare = nil
	}
	l.filling.frames = append(append(l.filling.frames, header[:]...), entry...)
	if l.copying != nil && l.copying.generation == generation {
		l.copying.frames = append(append(l.copying.frames, header[:]...), entry...)
	}
}

func putHeader(header, entry []byte) {
	binary.LittleEndian.PutUint32(header, uint32(len(entry)))
	binary.LittleEndian.PutUint32(header[4:], crc32.Checksum(header[:4], castagnoli))
	binary.LittleEndian.PutUint32(header[8:], crc32.Checksum(entry, castagnoli))
}

// latest is the batch that is written last of all that were begun; nil if all
// is written. Who answers a call that found its work done already waits for it
// too: the one who did the work may not have been written.
func (l *softLog) latest() *batch {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.filling != nil {
		return l.filling
	}
	return l.writing
}

// commit waits until a batch is written, and writes it if nobody else does.
func (l *softLog) commit(ctx context.Context, b *batch) error {
	if b == nil {
		return nil
	}
	select {
	case l.turn <- struct{}{}:
	default:
		select {
		case l.turn <- struct{}{}:
		case <-b.done:
			return b.err
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", store.ErrUnavailable, ctx.Err())
		}
	}
	l.flush()
	<-l.turn
	<-b.done // it was the one that was filling, or is done
	return b.err
}

// flush writes the batch that is filling. The caller has the turn.
func (l *softLog) flush() {
	l.mu.Lock()
	b := l.filling
	l.filling, l.writing = nil, b
	l.mu.Unlock()
	if b == nil {
		return
	}
	b.err = l.write(b.frames)
	l.mu.Lock()
	l.writing = nil
	if b.err == nil && cap(b.frames) <= keptBuffer {
		l.spare = b.frames
	}
	b.frames = nil
	l.mu.Unlock()
	close(b.done)
	if l.size > max(l.compactFrom, 2*l.base) {
		l.grown()
	}
}

// write appends frames to the file, or keeps them for the retry.
func (l *softLog) write(frames []byte) error {
	if l.closed {
		return fmt.Errorf("%w: closed", store.ErrUnavailable)
	}
	if l.broken.Load() {
		l.unwritten = append(l.unwritten, frames...)
		return errBroken
	}
	if _, err := l.file.Write(frames); err != nil {
		l.logger.Error("cannot write the soft state: writes are refused until it works again", "file", l.path, "error", err)
		l.broken.Store(true)
		l.unwritten = append(l.unwritten, frames...)
		l.retry = time.AfterFunc(retryAfter, l.repair)
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	l.size += int64(len(frames))
	return nil
}

var errBroken = fmt.Errorf("%w: the log cannot be written", store.ErrUnavailable)

// repair tries to write what could not be written.
func (l *softLog) repair() {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	if l.closed || !l.broken.Load() {
		return
	}
	if err := l.rewind(); err != nil {
		l.retry.Reset(retryAfter)
		return
	}
	l.healed()
}

// rewind cuts off what a failed write left, and writes what was kept.
func (l *softLog) rewind() error {
	if err := l.file.Truncate(l.size); err != nil {
		return err
	}
	if _, err := l.file.Write(l.unwritten); err != nil {
		return err
	}
	l.size += int64(len(l.unwritten))
	return nil
}

// healed accepts writes again. The caller has the turn.
func (l *softLog) healed() {
	l.unwritten = nil
	l.broken.Store(false)
	l.logger.Info("the soft state can be written again", "file", l.path)
}

// close writes what is left and closes the file.
func (l *softLog) close() error {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	l.flush()
	l.closed = true
	if l.retry != nil {
		l.retry.Stop()
	}
	var err error
	if l.broken.Load() {
		err = l.rewind()
	}
	if closeErr := l.file.Close(); err == nil {
		err = closeErr
	}
	return err
}
