package observer

import (
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/podseal/podseal/internal/trace/wire"
	"golang.org/x/sys/unix"
)

const (
	maxLinks  = 40 // in one path, as in the kernel
	maxNodes  = 10_000
	maxSteps  = 10_000                 // folders on the way of one path, links included
	maxChain  = 64                     // different owners and modes on the way; further ones are taken to be searchable
	maxTree   = 4 << 20                // bytes of what is kept
	nodesLive = 100 * time.Millisecond // changes by those who are not traced are seen after this
	settle    = time.Millisecond       // a call that was continued takes effect a moment later
)

// tree finds places in the container's tree of files. It keeps folders that it has resolved, until a call is seen that
// may move them.
type tree struct {
	*container                // whose root paths are resolved in
	epoch      *atomic.Uint64 // counted up by each call that may move a folder

	nodes  map[nodeKey]*node
	bytes  int       // of nodes
	at     uint64    // the epoch of nodes
	filled time.Time // when nodes was empty
	hold   time.Time // until then no folder is kept

	links, steps int // of the current path

	mounts   []mountPoint
	mountsAt time.Time
}

type nodeKey struct{ root, base, path string }

// node is a resolved folder.
type node struct {
	path   string
	chain  []meta // the folders searched on the way, itself not included
	meta   meta
	err    string
	blind  bool
	noise  bool
	ro     bool
	roDone bool
}

func newTree(at *container, epoch *atomic.Uint64) *tree {
	return &tree{container: at, epoch: epoch, nodes: map[nodeKey]*node{}}
}

// refresh drops folders that may have changed. It is called once for each call.
func (t *tree) refresh(now time.Time) {
	if e := t.epoch.Load(); e != t.at {
		t.at = e
		t.hold = now.Add(settle)
		t.forget(now)
		return
	}
	full := len(t.nodes) > maxNodes || t.bytes > maxTree
	if full || now.Sub(t.filled) > nodesLive || now.Before(t.hold) {
		t.forget(now)
	}
}

func (t *tree) forget(now time.Time) {
	clear(t.nodes)
	t.bytes = 0
	t.filled = now
}

// keep keeps a folder for later paths, while there is memory for it.
func (t *tree) keep(k nodeKey, n *node) {
	if t.bytes > maxTree {
		return
	}
	t.bytes += wire.KeyOverhead + len(k.root) + len(k.base) + len(k.path) + len(n.path) + 12*len(n.chain)
	t.nodes[k] = n
}

// resolve finds a path as a process meets it whose root and base (working folder, or folder of a descriptor) are given
// as the container sees them.
func (t *tree) resolve(root, base, p string, follow bool) place {
	t.links, t.steps = 0, 0
	return t.find(root, base, p, follow)
}

func (t *tree) find(root, base, p string, follow bool) place {
	switch {
	case p == "":
		return place{path: base, err: "ENOENT"}
	case t.links > maxLinks:
		return place{path: base, err: "ELOOP"}
	}
	name := strings.TrimRight(p, "/")
	i := strings.LastIndexByte(name, '/')
	dir, last := name[:i+1], name[i+1:]
	if last == "" || last == "." || last == ".." {
		return t.itself(t.dir(root, base, p))
	}
	d := t.dir(root, base, dir)
	out := place{
		path: join(d.path, last), err: d.err, chain: d.searched(), parent: d.meta, blind: d.blind,
		noise: d.noise || pseudo(join(d.path, last)),
	}
	if out.err != "" || out.noise {
		return out
	}
	out.ro = t.readOnly(d)
	if out.blind {
		return out
	}
	m, mount, err := t.stat(out.path)
	switch err {
	case nil:
	case unix.ENOENT:
		return out
	case unix.EACCES, unix.EPERM:
		out.blind = true
		return out
	default:
		out.err = errnoName(err)
		return out
	}
	if m.is(modeLink) && (follow || len(name) < len(p)) {
		return t.followed(root, d, out)
	}
	out.exists, out.target, out.targetRO, out.self = true, m, out.ro, mount
	if mount {
		out.targetRO = t.statfsReadOnly(out.path)
	}
	return out
}

// followed goes on where a symbolic link points to.
func (t *tree) followed(root string, d *node, link place) place {
	to, err := t.readlink(link.path)
	if err != nil {
		link.err = "ENOENT"
		return link
	}
	t.links++
	out := t.find(root, d.path, to, true)
	out.chain = grow(link.chain, out.chain...)
	return out
}

// itself returns the place of a folder that the path does not name.
func (t *tree) itself(d *node) place {
	out := place{path: d.path, err: d.err, chain: d.chain, blind: d.blind, noise: d.noise, self: true}
	if out.err != "" || out.noise {
		return out
	}
	out.ro = t.readOnly(d)
	out.exists, out.target, out.targetRO, out.parent = !d.blind, d.meta, out.ro, d.meta
	return out
}

// dir resolves a folder; every symbolic link is followed.
func (t *tree) dir(root, base, p string) *node {
	if strings.HasPrefix(p, "/") {
		base = root
		p = "/" + strings.Trim(p, "/")
	} else {
		p = strings.TrimRight(p, "/")
	}
	k := nodeKey{root, base, p}
	if n, ok := t.nodes[k]; ok {
		return n
	}
	if t.steps++; t.steps > maxSteps {
		return &node{path: base, err: "ELOOP"}
	}
	n := t.walk(root, base, p)
	if n.err == "" {
		t.keep(k, n)
	}
	return n
}

func (t *tree) walk(root, base, p string) *node {
	if p == "" || p == "/" {
		return t.start(base)
	}
	i := strings.LastIndexByte(p, '/')
	parent, name := t.dir(root, base, p[:i+1]), p[i+1:]
	full := join(parent.path, name)
	switch {
	case parent.err != "" || parent.noise || name == "" || name == ".":
		if parent.err == "" && !parent.noise {
			return parent
		}
		return &node{path: full, err: parent.err, noise: parent.noise, chain: parent.chain}
	case name == "..":
		return t.up(root, parent)
	case pseudo(full):
		return &node{path: full, noise: true, chain: parent.searched()}
	case parent.blind:
		return &node{path: full, blind: true, chain: parent.searched()}
	}
	m, _, err := t.stat(full)
	switch {
	case err == unix.EACCES || err == unix.EPERM:
		return &node{path: full, blind: true, chain: parent.searched()}
	case err != nil:
		return &node{path: full, err: errnoName(err), chain: parent.searched()}
	case m.is(modeLink):
		return t.through(root, parent, full)
	case !m.is(modeDir):
		return &node{path: full, err: "ENOTDIR", chain: parent.searched()}
	}
	return &node{path: full, meta: m, chain: parent.searched()}
}

// through follows a symbolic link on the way.
func (t *tree) through(root string, parent *node, link string) *node {
	to, err := t.readlink(link)
	if t.links++; err != nil || t.links > maxLinks {
		return &node{path: link, err: "ELOOP", chain: parent.searched()}
	}
	n := *t.dir(root, parent.path, to)
	n.chain = grow(parent.searched(), n.chain...)
	return &n
}

// up returns the parent of a folder; a root has none.
func (t *tree) up(root string, n *node) *node {
	if n.path == root || n.path == "/" {
		return n
	}
	parent := *t.dir("/", path.Dir(n.path), "")
	parent.chain = grow(n.searched(), parent.chain...)
	return &parent
}

// start returns a folder that is known by its real path.
func (t *tree) start(p string) *node {
	m, _, err := t.stat(p)
	switch {
	case pseudo(p):
		return &node{path: p, noise: true}
	case err == unix.EACCES || err == unix.EPERM:
		return &node{path: p, blind: true}
	case err != nil:
		return &node{path: p, err: "ENOENT"}
	case !m.is(modeDir):
		return &node{path: p, err: "ENOTDIR"}
	}
	return &node{path: p, meta: m}
}

func join(dir, name string) string {
	if dir == "/" {
		return "/" + name
	}
	return dir + "/" + name
}

// searched returns the folders that are searched on the way to an entry of this one.
func (n *node) searched() []meta {
	if n.err != "" || n.blind || n.noise {
		return n.chain
	}
	return grow(n.chain, n.meta)
}

// grow adds folders to those that are searched on the way. Equal ones count once.
func grow(chain []meta, more ...meta) []meta {
	out := chain[:len(chain):len(chain)]
	for _, m := range more {
		if len(out) < maxChain && !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	return out
}
