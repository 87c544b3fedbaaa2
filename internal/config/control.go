package config

import (
	"fmt"
	"os"
	"path/filepath"
)

// maxSocketPath is the longest path of a Unix socket in bytes that every system takes (BSD: 104 with the NUL).
const maxSocketPath = 103

// ControlSocket returns the path of the Unix socket where the running agent takes an operator's commands. The
// agent and the commands find the same path from the same configuration:
// the one configured; else control.sock beside the embedded engine's files; else a name made of the first port
// in /run/presenced for root, or in the user's cache folder. The folder may not exist yet.
func (c *Config) ControlSocket() string {
	switch {
	case c.Control.Socket != "":
		return c.Control.Socket
	case c.Store.Path != "":
		return filepath.Join(c.Store.Path, "control.sock")
	}
	return filepath.Join(runtimeFolder(), fmt.Sprintf("control-%d.sock", c.firstPort()))
}

func runtimeFolder() string {
	if os.Geteuid() == 0 {
		return "/run/presenced"
	}
	if dir, err := os.UserCacheDir(); err == nil {
		return filepath.Join(dir, "presenced")
	}
	return filepath.Join(os.TempDir(), fmt.Sprintf("presenced-%d", os.Geteuid()))
}

func (c *Config) firstPort() uint16 {
	for _, listeners := range [][]Listener{c.Listen.UDP, c.Listen.TCP, c.Listen.TLS, c.Listen.HTTP} {
		if len(listeners) > 0 {
			return listeners[0].Address.Port()
		}
	}
	return 0
}
