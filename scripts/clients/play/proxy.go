package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// putProxyInFront starts Kamailio on a port of its own; the softphones then
// see nothing else. The agent trusts it.
func (a *agent) putProxyInFront(ctx context.Context, s settings) error {
	template, err := os.ReadFile(s.kamailio)
	if err != nil {
		return err
	}
	modules, err := filepath.Glob("/usr/lib/*/kamailio/modules")
	if err != nil || len(modules) == 0 {
		return fmt.Errorf("kamailio's modules are not where Debian puts them: %w", os.ErrNotExist)
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	folder := filepath.Join(s.logs, "kamailio")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	file := filepath.Join(folder, "kamailio.cfg")
	text := strings.NewReplacer(
		"@LISTEN@", fmt.Sprintf("127.0.0.1:%d", port),
		"@AGENT@", fmt.Sprintf("127.0.0.1:%d", a.port),
		"@MODULES@", modules[0],
	).Replace(string(template))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	p, err := launch(folder, "kamailio", nil, []string{"kamailio", "-DD", "-E", "-f", file, "-Y", folder, "-m", "32", "-M", "4"}, nil, nil)
	if err != nil {
		return err
	}
	a.processes = append(a.processes, p)
	if err := listening(ctx, port, p); err != nil {
		return fmt.Errorf("kamailio does not start: %w (%s)", err, p.log.Name())
	}
	a.port = port
	return nil
}
