package embedded

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"slices"
	"time"
)

// errTorn is a log whose last frame is not whole: the process died while it
// wrote, and nobody was answered. errDamaged is one with something in it that
// was never written so.
var (
	errTorn    = errors.New("the last frame is torn")
	errDamaged = errors.New("damaged")
)

// readLog hands the entries of a log to apply, in order; an entry is borrowed.
// good is the length of what could be read. After a power cut a log may end in
// zeros: that is torn too.
func readLog(r io.Reader, size int64, apply func(entry []byte) error) (good int64, err error) {
	in := bufio.NewReaderSize(r, 1<<20)
	magic := make([]byte, min(size, int64(len(logMagic))))
	if _, err := io.ReadFull(in, magic); err != nil {
		return 0, err
	}
	if logMagic[:len(magic)] != string(magic) && string(magic) != logMagic1 {
		return 0, fmt.Errorf("%w: this is no log of soft state", errDamaged)
	}
	if len(magic) < len(logMagic) {
		return 0, errTorn
	}
	good = int64(len(magic))
	var entry []byte
	for good < size {
		entry, err = readFrame(in, size-good, entry)
		if err != nil {
			return good, err
		}
		if err := apply(entry); err != nil {
			return good, fmt.Errorf("%w: %w", errDamaged, err)
		}
		good += frameHeader + int64(len(entry))
	}
	return good, nil
}

// readFrame reads one frame of a log that has left bytes yet, into entry's
// memory if it fits.
func readFrame(in *bufio.Reader, left int64, entry []byte) ([]byte, error) {
	if left < frameHeader {
		return nil, errTorn
	}
	var header [frameHeader]byte
	if _, err := io.ReadFull(in, header[:]); err != nil {
		return nil, err
	}
	if crc32.Checksum(header[:4], castagnoli) != binary.LittleEndian.Uint32(header[4:]) {
		if header == [frameHeader]byte{} && onlyZeros(in) {
			return nil, errTorn
		}
		return nil, fmt.Errorf("%w: the length of a frame", errDamaged)
	}
	length := int64(binary.LittleEndian.Uint32(header[:]))
	if length > maxEntry {
		return nil, fmt.Errorf("%w: a frame of %d bytes", errDamaged, length)
	}
	if length > left-frameHeader {
		return nil, errTorn
	}
	entry = slices.Grow(entry[:0], int(length))[:length]
	if _, err := io.ReadFull(in, entry); err != nil {
		return nil, err
	}
	if crc32.Checksum(entry, castagnoli) != binary.LittleEndian.Uint32(header[8:]) {
		return nil, fmt.Errorf("%w: the checksum of a frame", errDamaged)
	}
	return entry, nil
}

func onlyZeros(in *bufio.Reader) bool {
	for {
		b, err := in.ReadByte()
		if err != nil {
			return err == io.EOF
		}
		if b != 0 {
			return false
		}
	}
}

// load reads the log into memory and leaves it open for appending. A torn tail
// is cut. A damaged log is set aside as state.log.bad-<time>, and what could be
// read before the damage goes into a new one.
func (e *Engine) load() error {
	l := e.log
	l.turn <- struct{}{} // a timer that fires meanwhile waits until there is a file
	defer func() { <-l.turn }()
	started := time.Now()
	good, old, err := e.replay()
	switch {
	case errors.Is(err, os.ErrNotExist):
		return e.startLog()
	case errors.Is(err, errTorn):
		e.logger.Info("the soft state ended in a frame that was never answered: cut off", "file", l.path, "kept", good)
	case errors.Is(err, errDamaged):
		aside := l.path + ".bad-" + e.now().wall.UTC().Format("20060102T150405.000000Z")
		if asideErr := setAside(l.path, aside); asideErr != nil {
			return fmt.Errorf("embedded: %s is damaged and cannot be set aside: %w", l.path, asideErr)
		}
		e.logger.Error("the soft state is damaged: what stands before the damage is used, the file was set aside",
			"file", l.path, "error", err, "offset", good, "aside", aside)
		return e.startLog()
	case err != nil:
		return fmt.Errorf("embedded: %w", err)
	}
	if good == 0 || old {
		return e.startLog()
	}
	if l.file, err = l.open(l.path); err != nil {
		return fmt.Errorf("embedded: %w", err)
	}
	if err := l.file.Truncate(good); err != nil {
		return fmt.Errorf("embedded: %w", err)
	}
	l.size = good
	e.logger.Info("soft state loaded", "file", l.path, "bytes", good, "took", time.Since(started))
	return nil
}

// setAside gives a file another name. With a link it keeps its own as well
// until the new log takes that, so that to die in between loses nothing; not
// every file system has links.
func setAside(path, aside string) error {
	if err := os.Link(path, aside); err == nil {
		return nil
	}
	return os.Rename(path, aside)
}

// replay reads the log. old tells that it is of an earlier version, to which
// nothing must be appended.
func (e *Engine) replay() (good int64, old bool, err error) {
	f, err := os.Open(e.log.path)
	if err != nil {
		return 0, false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, false, err
	}
	magic := make([]byte, len(logMagic1))
	if _, err := f.ReadAt(magic, 0); err == nil {
		old = string(magic) == logMagic1
	}
	now := e.now()
	for i := range e.shards {
		e.shards[i].now = now
	}
	e.shared = make(map[string]string)
	defer func() { e.shared = nil }()
	good, err = readLog(f, info.Size(), e.apply)
	return good, old, err
}
