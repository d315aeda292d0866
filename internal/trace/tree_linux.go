package trace

import (
	"path"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	maxLinks  = 40 // as in the kernel
	maxNodes  = 10_000
	nodesLive = 100 * time.Millisecond // changes by those who are not traced are seen after this
	settle    = time.Millisecond       // a call that was continued takes effect a moment later
)

// tree finds places in the container's tree of files. It keeps folders that it has resolved, until a call is seen that
// may move them.
type tree struct {
	*container
	epoch *atomic.Uint64 // counted up by each call that may move a folder

	nodes  map[nodeKey]*node
	at     uint64    // the epoch of nodes
	filled time.Time // when nodes was empty
	hold   time.Time // nothing is kept before

	mounts   []mountPoint
	mountsAt time.Time
}

type nodeKey struct{ root, base, path string }

// node is a resolved folder.
type node struct {
	path   string
	chain  []meta // the folders searched on the way, itself last
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

// refresh forgets what may no longer be so. It is called once for each call.
func (t *tree) refresh(now time.Time) {
	if e := t.epoch.Load(); e != t.at {
		t.at = e
		t.hold = now.Add(settle)
		clear(t.nodes)
		t.filled = now
		return
	}
	if now.Sub(t.filled) > nodesLive || len(t.nodes) > maxNodes || now.Before(t.hold) {
		clear(t.nodes)
		t.filled = now
	}
}

// resolve finds a path as a process meets it whose root and base (working folder, or folder of a descriptor) are given
// as the container sees them.
func (t *tree) resolve(root, base, p string, follow bool) place {
	return t.find(root, base, p, follow, 0)
}

func (t *tree) find(root, base, p string, follow bool, links int) place {
	if p == "" || links > maxLinks {
		return place{path: base, err: map[bool]string{true: "ENOENT", false: "ELOOP"}[p == ""]}
	}
	name := strings.TrimRight(p, "/")
	i := strings.LastIndexByte(name, '/')
	dir, last := name[:i+1], name[i+1:]
	if last == "" || last == "." || last == ".." {
		return t.itself(t.dir(root, base, p, links))
	}
	d := t.dir(root, base, dir, links)
	out := place{
		path: join(d.path, last), err: d.err, chain: d.chain, parent: d.meta, blind: d.blind,
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
		return t.followed(root, d, out, links)
	}
	out.exists, out.target, out.targetRO, out.self = true, m, out.ro, mount
	if mount {
		out.targetRO = t.statfsReadOnly(out.path)
	}
	return out
}

// followed goes on where a symbolic link points to.
func (t *tree) followed(root string, d *node, link place, links int) place {
	to, err := t.readlink(link.path)
	if err != nil {
		link.err = "ENOENT"
		return link
	}
	out := t.find(root, d.path, to, true, links+1)
	out.chain = append(link.chain[:len(link.chain):len(link.chain)], out.chain...)
	return out
}

// itself is the place of a folder that has no name in the path.
func (t *tree) itself(d *node) place {
	out := place{path: d.path, err: d.err, blind: d.blind, noise: d.noise, self: true}
	if out.err != "" || out.noise {
		out.chain = d.chain
		return out
	}
	if n := len(d.chain); n > 0 {
		out.chain = d.chain[:n-1]
	}
	out.ro = t.readOnly(d)
	out.exists, out.target, out.targetRO, out.parent = !d.blind, d.meta, out.ro, d.meta
	return out
}

// dir resolves a folder; every symbolic link is followed.
func (t *tree) dir(root, base, p string, links int) *node {
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
	n := t.walk(root, base, p, links)
	if n.err == "" {
		t.nodes[k] = n
	}
	return n
}

func (t *tree) walk(root, base, p string, links int) *node {
	if p == "" || p == "/" {
		return t.start(base)
	}
	i := strings.LastIndexByte(p, '/')
	parent, name := t.dir(root, base, p[:i+1], links), p[i+1:]
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
		return &node{path: full, noise: true, chain: parent.chain}
	case parent.blind:
		return &node{path: full, blind: true, chain: parent.chain}
	}
	m, _, err := t.stat(full)
	switch {
	case err == unix.EACCES || err == unix.EPERM:
		return &node{path: full, blind: true, chain: parent.chain}
	case err != nil:
		return &node{path: full, err: errnoName(err), chain: parent.chain}
	case m.is(modeLink):
		return t.through(root, parent, full, links)
	case !m.is(modeDir):
		return &node{path: full, err: "ENOTDIR", chain: parent.chain}
	}
	return &node{path: full, meta: m, chain: grow(parent.chain, m)}
}

// through follows a symbolic link on the way.
func (t *tree) through(root string, parent *node, link string, links int) *node {
	to, err := t.readlink(link)
	if err != nil || links >= maxLinks {
		return &node{path: link, err: "ELOOP", chain: parent.chain}
	}
	n := *t.dir(root, parent.path, to, links+1)
	n.chain = append(parent.chain[:len(parent.chain):len(parent.chain)], n.chain...)
	return &n
}

// up is the parent of a folder; a root has none.
func (t *tree) up(root string, n *node) *node {
	if n.path == root || n.path == "/" {
		return n
	}
	parent := *t.dir("/", path.Dir(n.path), "", 0)
	parent.chain = append(n.chain[:len(n.chain):len(n.chain)], parent.chain...)
	return &parent
}

// start is a folder that is known by its real path.
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
	return &node{path: p, meta: m, chain: []meta{m}}
}

func join(dir, name string) string {
	if dir == "/" {
		return "/" + name
	}
	return dir + "/" + name
}

func grow(chain []meta, m meta) []meta { return append(chain[:len(chain):len(chain)], m) }
