package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"presenced/internal/config"
	"presenced/internal/server"
)

// show prints what the running agent knows of a presentity.
func show(args []string, stdout io.Writer) error {
	path, rest, err := configFlag(args)
	switch {
	case err != nil:
		return err
	case len(rest) != 1:
		return errUsage
	}
	c, _, err := config.Load(path)
	if err != nil {
		return err
	}
	aor, err := server.AORArgument(rest[0])
	if err != nil {
		return err
	}
	control, err := server.DialControl(c.ControlSocket())
	if err != nil {
		return fmt.Errorf("no agent is running with this configuration: %w", err)
	}
	shown, err := control.Show(aor)
	if err != nil {
		return err
	}
	printShown(stdout, shown)
	return nil
}

func printShown(w io.Writer, s *server.Shown) {
	fmt.Fprintln(w, s.AOR)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	defer t.Flush()
	fmt.Fprintf(t, "\npublications: %d\n", len(s.Publications))
	for _, p := range s.Publications {
		fmt.Fprintf(t, "  %s\t%d bytes\texpires in %d s\tfrom %s\t%s\n", p.ID, p.Bytes, p.Expires, p.Source, p.UserAgent)
	}
	fmt.Fprintf(t, "\nregistrations: %d\n", len(s.Bindings))
	for _, b := range s.Bindings {
		fmt.Fprintf(t, "  %s\texpires in %d s\tat %s\t%s\n", b.Contact, b.Expires, b.Agent, b.UserAgent)
	}
	fmt.Fprintf(t, "\nwatchers: %d\n", len(s.Watchers))
	for _, x := range s.Watchers {
		fmt.Fprintf(t, "  %s\t%s\texpires in %d s\tlast NOTIFY: %s\t%s\n",
			or(x.Watcher, "anonymous"), or(string(x.State), "served by "+x.Agent), x.Expires, or(x.Outcome, "none yet"), x.Flow)
	}
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
