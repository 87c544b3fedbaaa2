package embedded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// ErrInUse is a Path that another process, or this one, has open.
var ErrInUse = errors.New("is in use")

// lockFolder makes this process the only one that has the folder open. The
// lock goes with the process, however it ends; the file that stays means
// nothing. It holds the process id, for the one who is refused.
func lockFolder(path string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(path, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		err = writeProcess(f)
	} else if errors.Is(err, syscall.EWOULDBLOCK) {
		err = fmt.Errorf("%s %w by process %s", path, ErrInUse, readProcess(f))
	}
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", errors.Join(err, f.Close()))
	}
	return f, nil
}

func writeProcess(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func readProcess(f *os.File) string {
	text, err := io.ReadAll(io.LimitReader(f, 32))
	if pid := strings.TrimSpace(string(text)); err == nil && pid != "" {
		return pid
	}
	return "(unknown)"
}
