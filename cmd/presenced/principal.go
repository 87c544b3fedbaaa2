package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"strings"

	"golang.org/x/term"

	"presenced/internal/config"
	"presenced/internal/identity"
	"presenced/internal/server"
	"presenced/internal/store"
	"presenced/sip"
)

// principals is where principals are kept: a running agent's control socket,
// or the store itself.
type principals interface {
	Principals(ctx context.Context, yield func(store.Principal) error) error
	PutPrincipal(ctx context.Context, p store.Principal) error
	DeletePrincipal(ctx context.Context, aor string) error
}

// principalCommands are the words behind "principal" and how many operands each
// takes.
var principalCommands = map[string]int{"add": 1, "remove": 1, "list": 0, "import": 0}

// principal adds, removes, lists and imports who can authenticate.
func principal(args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	path, rest, err := configFlag(args[1:])
	if err != nil {
		return err
	}
	if operands, known := principalCommands[args[0]]; !known || len(rest) != operands {
		return errUsage
	}
	c, _, err := config.Load(path)
	if err != nil {
		return err
	}
	kept, done, err := openPrincipals(c, stderr)
	if err != nil {
		return err
	}
	defer done()
	ctx := context.Background()
	switch args[0] {
	case "list":
		return kept.Principals(ctx, func(p store.Principal) error {
			_, err := fmt.Fprintln(stdout, p.AOR)
			return err
		})
	case "import":
		return importPrincipals(ctx, c, kept, stdin, stdout)
	case "add":
		password, err := readPassword(stdin, stderr)
		if err != nil {
			return err
		}
		return put(ctx, c, kept, rest[0], password)
	}
	aor, err := server.AORArgument(rest[0]) // remove
	if err != nil {
		return err
	}
	err = kept.DeletePrincipal(ctx, aor)
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%s is none of the principals in the store; those of the configuration are removed there", aor)
	}
	return err
}

// openPrincipals asks the running agent, or opens the store where none runs.
func openPrincipals(c *config.Config, stderr io.Writer) (p principals, done func(), err error) {
	if control, err := server.DialControl(c.ControlSocket()); err == nil {
		return control, func() {}, nil
	}
	if c.Store.Engine == config.EngineEmbedded && c.Store.Path == "" {
		return nil, nil, fmt.Errorf("no agent is running, and without [store] path there is nothing to keep principals in")
	}
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	engine, err := server.OpenStore(context.Background(), c, "principal", log)
	if err != nil {
		return nil, nil, err
	}
	return engine, func() { engine.Close() }, nil
}

// put stores a principal: only hashes.
func put(ctx context.Context, c *config.Config, kept principals, who, password string) error {
	aor, err := server.AORArgument(who)
	if err != nil {
		return err
	}
	u, err := sip.ParseURI(aor)
	if err != nil {
		return err
	}
	switch {
	case !c.Local(u.Host):
		return fmt.Errorf("%s: %s is none of the configured domains", who, u.Host)
	case password == "":
		return fmt.Errorf("%s: an empty password", who)
	}
	user, err := url.PathUnescape(u.User)
	if err != nil {
		return err
	}
	return kept.PutPrincipal(ctx, identity.NewPrincipal(aor, user, u.Host, password))
}

func importPrincipals(ctx context.Context, c *config.Config, kept principals, stdin io.Reader, stdout io.Writer) error {
	lines, count := bufio.NewScanner(stdin), 0
	for number := 1; lines.Scan(); number++ {
		who, password, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ")
		if who == "" || who[0] == '#' {
			continue
		}
		if err := put(ctx, c, kept, who, strings.TrimSpace(password)); err != nil {
			return fmt.Errorf("line %d: %w (the %d before it are stored)", number, err, count)
		}
		count++
	}
	if err := lines.Err(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(stdout, count, "principals stored")
	return err
}

// readPassword reads one line: from the terminal without echo, or from stdin.
func readPassword(stdin io.Reader, stderr io.Writer) (string, error) {
	if f, ok := stdin.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprint(stderr, "Password: ")
		password, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(stderr)
		return string(password), err
	}
	line, err := bufio.NewReader(stdin).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}
