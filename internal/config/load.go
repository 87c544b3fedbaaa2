package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// maxFileSize bounds a configuration in bytes: 16 MiB hold a hundred thousand principals.
const maxFileSize = 16 << 20

// Load reads the configuration file at path; an empty path is [Default] with its warnings. Beyond Parse it
// looks whether the files of [tls] can be read and whether strangers can read the passwords.
// The error joins an [*Error] for each fault.
func Load(path string) (*Config, []Warning, error) {
	if path == "" {
		return Parse("", nil)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", path, err)
	}
	r, c, err := parse(path, data)
	if err != nil {
		return nil, r.warnings, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, r.warnings, fmt.Errorf("read %s: %w", path, err)
	}
	r.permissions(c, info.Mode())
	r.tlsFiles(c)
	if err := r.err(); err != nil {
		return nil, r.warnings, err
	}
	return c, r.warnings, nil
}

// Parse reads the configuration in data; name stands for it in errors and warnings. Warnings are also returned
// beside an error. The error joins an [*Error] for each fault.
func Parse(name string, data []byte) (*Config, []Warning, error) {
	r, c, err := parse(name, data)
	return c, r.warnings, err
}

func parse(name string, data []byte) (*reader, *Config, error) {
	r := &reader{name: name, tree: map[string]any{}, known: map[string]bool{}, refused: map[string]bool{}}
	if len(data) > maxFileSize {
		return r, nil, &Error{File: name, Message: fmt.Sprintf("larger than %d bytes", maxFileSize)}
	}
	if err := toml.Unmarshal(data, &r.tree); err != nil {
		return r, nil, syntaxError(name, err)
	}
	x, err := locateKeys(data)
	if err != nil {
		return r, nil, &Error{File: name, Message: err.Error()}
	}
	r.at = x
	c := Default()
	r.config(c)
	r.unknownKeys()
	if len(r.faults) == 0 {
		r.check(c)
	}
	if err := r.err(); err != nil {
		return r, nil, err
	}
	return r, c, nil
}

// syntaxError keeps the position and the message. The excerpt that the library also has could show a password.
func syntaxError(name string, err error) error {
	var de *toml.DecodeError
	if !errors.As(err, &de) {
		return &Error{File: name, Message: strings.TrimPrefix(err.Error(), "toml: ")}
	}
	line, _ := de.Position()
	return &Error{File: name, Line: line, Message: strings.TrimPrefix(de.Error(), "toml: ")}
}

// permissions warns when everybody on the machine can read a secret.
func (r *reader) permissions(c *Config, mode os.FileMode) {
	secret := c.Store.Redis != nil && !c.Store.Redis.Password.IsZero()
	for _, p := range c.Principals {
		secret = secret || !p.Password.IsZero() || len(p.HA1) > 0
	}
	if secret && mode.Perm()&0o004 != 0 {
		r.warn("", "holds passwords and can be read by everybody on this machine; chmod o-r would keep them")
	}
}

// tlsFiles opens each file of [tls], so that check-config finds a wrong path.
func (r *reader) tlsFiles(c *Config) {
	for key, path := range map[string]string{"tls.cert": c.TLS.Cert, "tls.key": c.TLS.Key, "tls.client_ca": c.TLS.ClientCA} {
		if path == "" {
			continue
		}
		f, err := os.Open(path)
		if err != nil {
			r.fail(key, "%v", err)
			continue
		}
		f.Close()
	}
}
