// Package schema is for tests: it gathers the documents that a package's tests
// have seen sent or written, and validates them against the RFCs' official
// schemas when all tests have run, with one call of xmllint for each schema.
//
// The schemas lie beside the project, in the folder that PRESENCED_RFC_DATA
// names; where it is unset nothing is gathered. A package takes part with
//
//	func TestMain(m *testing.M) { schema.Main(m) }
//
// and Collect; siptest's agents collect by themselves what they receive.
package schema

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// validator is how documents of a type are validated: xmllint's option and its
// file in the folder schemas.
type validator struct{ option, file string }

// all is the schema that imports all the others, so that a document's
// extensions are checked too.
var all = validator{"--schema", "all.xsd"}

// validators has the media types whose documents are validated.
var validators = map[string]validator{
	"application/auth-policy+xml":     all,                       // RFC 4745
	"application/im-iscomposing+xml":  all,                       // RFC 3994
	"application/patch-ops-error+xml": all,                       // RFC 5261
	"application/pidf+xml":            all,                       // RFC 3863
	"application/pidf-diff+xml":       all,                       // RFC 5262
	"application/reginfo+xml":         all,                       // RFC 3680
	"application/resource-lists+xml":  all,                       // RFC 4826
	"application/rlmi+xml":            all,                       // RFC 4662
	"application/rls-services+xml":    all,                       // RFC 4826
	"application/simple-filter+xml":   all,                       // RFC 4661
	"application/watcherinfo+xml":     all,                       // RFC 3858
	"application/xcap-caps+xml":       all,                       // RFC 4825
	"application/xcap-diff+xml":       all,                       // RFC 5874
	"application/xcap-error+xml":      all,                       // RFC 4825
	"message/imdn+xml":                {"--relaxng", "imdn.rng"}, // RFC 5438
}

// most is how many different documents of one package are validated: a
// benchmark makes a new one each time.
const most = 20000

// collection is what has been gathered: each document once, with the test that
// was the first to show it.
type collection struct {
	mu    sync.Mutex
	index map[string]bool // by type and text
	list  []document
}

type document struct{ test, mediaType, text string }

var gathered collection

// Collect adds a document to those that are validated, if it is of a type that
// has a schema, and returns it. It may be called on any goroutine.
func Collect(mediaType, text string) string {
	if os.Getenv("PRESENCED_RFC_DATA") != "" {
		gathered.add("", mediaType, text)
	}
	return text
}

// CollectAs is Collect for goroutines below which no test's function stands: it
// is told the test's name.
func CollectAs(test, mediaType, text string) {
	if os.Getenv("PRESENCED_RFC_DATA") != "" {
		gathered.add(test, mediaType, text)
	}
}

// CollectMessage collects the body of a SIP message, for the test named.
func CollectMessage(test, message string) {
	if os.Getenv("PRESENCED_RFC_DATA") != "" {
		gathered.addMessage(test, message)
	}
}

func (c *collection) addMessage(test, message string) {
	head, body, _ := strings.Cut(message, "\r\n\r\n")
	if body == "" {
		return
	}
	for line := range strings.SplitSeq(head, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		name = strings.TrimSpace(name)
		if strings.EqualFold(name, "Content-Type") || strings.EqualFold(name, "c") { // RFC 3261 s.7.3.3
			c.add(test, value, body)
			return
		}
	}
}

func (c *collection) add(test, mediaType, text string) {
	mediaType, _, _ = strings.Cut(mediaType, ";")
	mediaType = strings.ToLower(strings.TrimSpace(mediaType))
	if _, known := validators[mediaType]; !known {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := mediaType + "\n" + text
	if c.index[key] || len(c.list) == most {
		return
	}
	if c.index == nil {
		c.index = map[string]bool{}
	}
	if test == "" {
		test = running()
	}
	c.index[key] = true
	c.list = append(c.list, document{test, mediaType, text})
}

// running is the test on whose stack this is called, with the line in it.
func running() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		frame, more := frames.Next()
		name := frame.Function[strings.LastIndexByte(frame.Function, '/')+1:]
		_, name, _ = strings.Cut(name, ".")
		for _, prefix := range [...]string{"Test", "Fuzz", "Example", "Benchmark"} {
			if strings.HasPrefix(name, prefix) && strings.HasSuffix(frame.File, "_test.go") {
				name, _, _ = strings.Cut(name, ".")
				return fmt.Sprintf("%s (%s:%d)", name, frame.File[strings.LastIndexByte(frame.File, '/')+1:], frame.Line)
			}
		}
		if !more {
			return "a test"
		}
	}
}

// Main runs a package's tests and validates what they have collected; then it
// exits. A document that is not valid fails the package.
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run is Main without the exit, for a TestMain that has more to do.
func Run(m *testing.M) (code int) {
	code = m.Run()
	if err := gathered.validate(os.Getenv("PRESENCED_RFC_DATA")); err != nil {
		fmt.Fprintln(os.Stderr, "FAIL: documents of these tests:", err)
		return max(code, 1)
	}
	return code
}
