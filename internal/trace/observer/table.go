package observer

import (
	"encoding/json"
	"io"
	"strings"
	"sync"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/trace/wire"
)

const (
	// maxNames bounds the distinct names in one folder for one kind of attempt; further ones are one write on the name
	// "*".
	maxNames = 64
	anyName  = "*"
	// maxCounts bounds the repetitions in one message.
	maxCounts = 10_000
)

// table aggregates the writes that an observer sees, and sends each new kind of attempt to the host at once: the observer
// ends with its target, and what was not sent by then is lost.
type table struct {
	mu       sync.Mutex
	out      io.Writer // nil once it has failed: the host is gone, the target continues
	keys     map[key]int
	names    map[key]int // by folder: how many names
	bytes    int         // of keys and names, by wire.KeySize
	binds    map[wire.Bind]bool
	known    map[string]bool // identities, by their key
	more     map[int]int     // repetitions that have not been sent
	lost     int
	noise    int
	dropped  int    // notes
	reported [3]int // lost, noise and dropped as sent
	phase    observe.Phase
	notes    map[string]bool
}

// key is what makes two attempts one write. The process is its name and user: a storm of forks is one.
type key struct {
	path, to, call, command, errno string
	uid, gid                       uint32
	outcome                        observe.Outcome
	phase                          observe.Phase
	dir, exec                      bool
	owner                          int64
}

func newTable(out io.Writer) *table {
	return &table{
		out: out, keys: map[key]int{}, names: map[key]int{}, binds: map[wire.Bind]bool{}, known: map[string]bool{}, more: map[int]int{},
		phase: observe.Start, notes: map[string]bool{},
	}
}

// repeated reports whether there was an attempt like this one, and counts it if so.
func (t *table) repeated(c *caller, w observe.Write) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, known := t.repeat(t.key(c, w))
	return known
}

// add counts one attempt.
func (t *table) add(c *caller, w observe.Write) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k, known := t.repeat(t.key(c, w))
	if known {
		return
	}
	if len(t.keys) >= wire.MaxKeys || !t.reserve(wire.KeySize(k.path, k.to)) {
		t.lost++
		return
	}
	if folder := folderOf(k); k != folder {
		t.addName(folder)
	}
	n := len(t.keys) + 1
	t.keys[k] = n
	w.Path, w.To, w.Phase, w.Count = k.path, k.to, k.phase, 1
	w.PID, w.Command, w.UID, w.GID = c.inner, c.command, int64(c.uid), int64(c.gid)
	t.send(wire.Message{Kind: wire.KindWrite, Key: n, Write: &w})
	if !w.Exec {
		t.addIdentity(c, c.identity())
	}
}

// identity records the user and groups that a process acts as.
func (t *table) identity(c *caller, id identity) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.addIdentity(c, id)
}

// addIdentity records what a process acts as. mu is held.
func (t *table) addIdentity(c *caller, id identity) {
	p := id.process(c)
	k := identityKey(p)
	switch {
	case id.root() || t.known[k]:
	case len(t.known) >= wire.MaxIdentities:
		t.lost++
	default:
		t.known[k] = true
		t.send(wire.Message{Kind: wire.KindIdentity, Identity: &p})
	}
}

// addName counts a name in a folder. Where there are too many folders, names are no longer folded.
func (t *table) addName(folder key) {
	if _, known := t.names[folder]; known || len(t.names) < wire.MaxKeys && t.reserve(wire.KeySize(folder.path, folder.to)) {
		t.names[folder]++
	}
}

// reserve takes memory for a key, and reports whether there was enough.
func (t *table) reserve(size int) bool {
	if t.bytes+size > wire.MaxBytes {
		return false
	}
	t.bytes += size
	return true
}

// key returns what makes two attempts one write. mu is held.
func (t *table) key(c *caller, w observe.Write) key {
	return key{w.Path, w.To, w.Call, c.command, w.Errno, c.uid, c.gid, w.Outcome, t.phase, w.Dir, w.Exec, w.Owner}
}

// repeat counts a repetition. Where the key is a new one, it returns the one to add: that of all further names, where a
// folder has too many (temporary files have random ones).
func (t *table) repeat(k key) (key, bool) {
	n, known := t.keys[k]
	if !known {
		if folder := folderOf(k); t.names[folder] >= maxNames {
			k = folder
			n, known = t.keys[k]
		}
	}
	if known {
		t.more[n]++
	}
	return k, known
}

// folderOf returns the key of all names in the folders of a key.
func folderOf(k key) key {
	k.path = inFolder(k.path)
	if k.to != "" {
		k.to = inFolder(k.to)
	}
	return k
}

// inFolder replaces the last element of a path by the name that stands for any.
func inFolder(p string) string { return p[:strings.LastIndexByte(p, '/')+1] + anyName }

// bind counts one attempt to bind a port.
func (t *table) bind(b wire.Bind) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b.Phase = t.phase
	seen := b
	seen.PID = 0
	if t.binds[seen] {
		return
	}
	if len(t.binds) >= wire.MaxBinds {
		t.lost++
		return
	}
	t.binds[seen] = true
	t.send(wire.Message{Kind: wire.KindBind, Bind: &b})
}

// current returns the phase.
func (t *table) current() observe.Phase {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.phase
}

func (t *table) drop()  { t.mu.Lock(); t.noise++; t.mu.Unlock() }
func (t *table) lose()  { t.mu.Lock(); t.lost++; t.mu.Unlock() }
func (t *table) flush() { t.mu.Lock(); t.counts(); t.mu.Unlock() }

// begin starts a phase.
func (t *table) begin(p observe.Phase) {
	t.mu.Lock()
	t.counts()
	t.phase = p
	t.mu.Unlock()
}

// note sends a note to the host, each text once.
func (t *table) note(kind, text string) {
	text = wire.Shorten(text)
	t.mu.Lock()
	defer t.mu.Unlock()
	if kind == wire.KindNote {
		switch {
		case t.notes[text]:
			return
		case len(t.notes) >= wire.MaxNotes:
			t.dropped++
			return
		}
		t.notes[text] = true
	}
	t.send(wire.Message{Kind: kind, Note: text})
}

// reply answers the host, after all that was counted before.
func (t *table) reply(m wire.Message) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts()
	t.send(m)
}

// counts sends what has been repeated since the last time, and how much was not recorded.
func (t *table) counts() {
	reported := [3]int{t.lost, t.noise, t.dropped}
	if len(t.more) == 0 && t.reported == reported {
		return
	}
	t.reported = reported
	m := wire.Message{Kind: wire.KindCounts, Lost: t.lost, Noise: t.noise, Dropped: t.dropped}
	for n, c := range t.more {
		m.Counts = append(m.Counts, [2]int{n, c})
		if len(m.Counts) == maxCounts {
			t.send(m)
			m.Counts = m.Counts[:0]
		}
	}
	clear(t.more)
	t.send(m)
}

func (t *table) send(m wire.Message) {
	if t.out == nil {
		return
	}
	line, err := json.Marshal(m)
	if err != nil {
		return
	}
	if _, err := t.out.Write(append(line, '\n')); err != nil {
		t.out = nil
	}
}
