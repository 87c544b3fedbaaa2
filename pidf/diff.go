package pidf

import "sync"

// AppendDiff appends a partial presence document: the patch operations
// (RFC 5261) that make the new document of the old one, as pidf-diff (RFC 5262)
// with a version. Equal inputs give equal bytes.
//
// Tuples, persons, devices and whatever else has an id are followed by their
// name and id; other elements by their content, or else by their name. Where it
// is shorter an element is edited, otherwise it is replaced whole. Between the
// children of the root, white space and comments are not compared; of documents
// that [Compose] wrote, the result is canonically the new one.
//
// It is false, and dst is as it was, if the full document is not longer, or if
// the two have no difference that can be said so: about two presentities, other
// attributes on the roots, a prefix with two meanings, or no default namespace.
// Then the caller sends [AppendFull]'s.
func AppendDiff(dst []byte, old, new *Document, version uint32) ([]byte, bool) {
	x := differs.Get().(*differ)
	defer x.release()
	x.old, x.new = old, new
	if !x.comparable() {
		return dst, false
	}
	x.prefix = freePrefix(old, new)
	start := len(dst)
	root := &new.elements[0]
	dst = appendFullRoot(dst, new, x.prefix, version)
	full := len(dst) - start + int(root.close-root.open) + len("</:pidf-full>\n") + len(x.prefix)
	dst = dst[:start]
	x.limit = full
	if !x.root() {
		return dst, false
	}
	dst = x.document(dst, version)
	if len(dst)-start >= full {
		return dst[:start], false
	}
	return dst, true
}

// maxDiffWork bounds how many pairs of elements are compared.
const maxDiffWork = 1 << 16

// differ writes operations while it goes through two documents side by side.
type differ struct {
	old, new *Document
	prefix   string     // of the operations
	scope    []declared // bound on either root
	gone     int        // how many of scope, at the end, only the old root binds
	sel      []byte     // selector of the present element, escaped for a value in double quotes
	out      []byte     // the operations
	limit    int        // length of out from which on it is no use
	work     int
	rooms    []room // of the elements around the present one
	depth    int    // how many of them
}

var differs = sync.Pool{New: func() any { return new(differ) }}

// release gives the memory back, but for that of large documents.
func (x *differ) release() {
	if cap(x.out)+cap(x.sel) > maxKept || len(x.rooms) > DefaultMaxDepth {
		return
	}
	for _, r := range x.rooms {
		for _, list := range [...][]child{r.olds, r.news, r.now} {
			if cap(list) > 256 {
				return
			}
			clear(list[:cap(list)])
		}
	}
	clear(x.scope)
	*x = differ{scope: x.scope[:0], sel: x.sel[:0], out: x.out[:0], rooms: x.rooms}
	differs.Put(x)
}

// comparable tells whether both documents are about the same, and gathers the
// prefixes. Both must have PIDF as the default namespace, as it is the diff's.
func (x *differ) comparable() bool {
	if len(x.old.elements) == 0 || len(x.new.elements) == 0 ||
		x.old.Root().Name() != x.new.Root().Name() || x.old.Root().QualifiedName() != x.new.Root().QualifiedName() {
		return false
	}
	for _, d := range [...]*Document{x.old, x.new} {
		b := d.lookup(d.elements[0].scope, "")
		if b < 0 || d.bindings[b].namespace != nsPIDF {
			return false
		}
	}
	if !x.sameAttributes() {
		return false
	}
	for prefix, namespace := range x.new.Root().Declarations() {
		if isOwnPrefix(prefix) && !binds(x.old, prefix) {
			return false // the root of the watcher's pidf-full may bind it
		}
		if prefix != "" && prefix != "xml" {
			x.scope = append(x.scope, declared{prefix, namespace})
		}
	}
	for prefix, namespace := range x.old.Root().Declarations() {
		if prefix == "" || prefix == "xml" {
			continue
		}
		known, ok := x.bound(prefix)
		if ok && known != namespace {
			return false
		}
		if !ok {
			x.scope = append(x.scope, declared{prefix, namespace})
			x.gone++
		}
	}
	return true
}

// sameAttributes compares the roots, whose entity RFC 5262 s.3.2 has repeated.
func (x *differ) sameAttributes() bool {
	if x.old.elements[0].attrCount != x.new.elements[0].attrCount {
		return false
	}
	for i := range x.new.attrs[:x.new.elements[0].attrCount] {
		a := &x.new.attrs[i]
		if b := x.old.attribution(0, x.new.namespace(a.namespace), x.new.attrName(a)); b == nil || x.old.value(b) != x.new.value(a) {
			return false
		}
	}
	return true
}

// bound is the namespace of a prefix that either root binds.
func (x *differ) bound(prefix string) (string, bool) {
	for _, s := range x.scope {
		if s.prefix == prefix {
			return s.namespace, true
		}
	}
	return "", false
}

// root writes the operations: first the namespaces that are new, which what is
// added uses, last those that nothing uses any more (RFC 5261 s.4.5.3).
func (x *differ) root() bool {
	x.sel = append(x.sel[:0], '*')
	added := x.scope[:len(x.scope)-x.gone]
	for _, s := range added {
		if !binds(x.old, s.prefix) {
			x.begin("add", "")
			x.out = append(append(append(x.out, ` type="namespace::`...), s.prefix...), `">`...)
			x.out = AppendText(x.out, s.namespace)
			x.end("add")
		}
	}
	if x.children(0, 0) == failed {
		return false
	}
	for _, s := range x.scope[len(added):] {
		x.begin("remove", "/namespace::"+s.prefix)
		x.empty()
	}
	return len(x.out) < x.limit
}

// document writes the diff around its operations, with the namespaces that they
// use.
func (x *differ) document(dst []byte, version uint32) []byte {
	dst = appendPartialRoot(dst, x.prefix, "pidf-diff")
	dst = appendDeclaration(dst, "", Namespace)
	dst = appendDeclaration(dst, x.prefix, NamespacePartial)
	operations := string(x.out)
	for _, s := range x.scope {
		if mentions(operations, s.prefix) {
			dst = appendDeclaration(dst, s.prefix, s.namespace)
		}
	}
	if entity := x.new.Entity(); entity != "" {
		dst = append(dst, ` entity="`...)
		dst = append(AppendURI(dst, entity), '"')
	}
	dst = append(appendVersion(dst, version), '\n')
	dst = append(dst, x.out...)
	dst = append(dst, "</"...)
	dst = append(dst, x.prefix...)
	return append(dst, ":pidf-diff>\n"...)
}

// begin writes the start of an operation up to its selector: that of the present
// element and what follows it.
func (x *differ) begin(operation, further string) {
	x.out = append(append(x.out, '<'), x.prefix...)
	x.out = append(append(x.out, ':'), operation...)
	x.out = append(append(x.out, ` sel="`...), x.sel...)
	x.out = append(append(x.out, further...), '"')
}

func (x *differ) end(operation string) {
	x.out = append(append(x.out, "</"...), x.prefix...)
	x.out = append(append(x.out, ':'), operation...)
	x.out = append(x.out, ">\n"...)
}

func (x *differ) empty() { x.out = append(x.out, "/>\n"...) }
