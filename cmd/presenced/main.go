// Command presenced is a SIP SIMPLE presence agent: the presence service and
// the instant message service of RFC 2778.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

const usage = `presenced [--config FILE]                      serve
presenced check-config FILE                    say what is wrong with FILE
presenced principal add [--config FILE] URI    add or change; the password is read from the terminal or stdin
presenced principal remove [--config FILE] URI
presenced principal list [--config FILE]
presenced principal import [--config FILE]     lines "bob@example.com password" from stdin
presenced show [--config FILE] URI             what the running agent knows of a presentity
`

// errUsage says that the words on the command line are off.
var errUsage = errors.New("usage")

// run is the whole command: its result is the exit status, 0 for done, 1 for
// failed, 2 for called wrongly.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	command, rest := "serve", args
	if len(args) > 0 && args[0] != "" && args[0][0] != '-' {
		command, rest = args[0], args[1:]
	}
	var err error
	switch command {
	case "serve":
		err = serve(rest, stderr)
	case "check-config":
		err = checkConfig(rest, stdout)
	case "principal":
		err = principal(rest, stdin, stdout, stderr)
	case "show":
		err = show(rest, stdout)
	case "help":
		fmt.Fprint(stdout, usage)
	default:
		err = errUsage
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return 0
	case err == nil:
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprint(stderr, usage)
		return 2
	}
	fmt.Fprintln(stderr, "presenced:", err)
	return 1
}

// configFlag reads --config, wherever it stands, and returns its value and the
// other words.
func configFlag(args []string) (path string, rest []string, err error) {
	flags := flag.NewFlagSet("presenced", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&path, "config", "", "")
	for {
		switch err := flags.Parse(args); {
		case errors.Is(err, flag.ErrHelp):
			return "", nil, err
		case err != nil:
			return "", nil, errUsage
		case flags.NArg() == 0:
			return path, rest, nil
		}
		rest, args = append(rest, flags.Arg(0)), flags.Args()[1:]
	}
}
