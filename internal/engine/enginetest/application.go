package enginetest

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
)

// application is the process of a container with all that it sees. Its methods need mu held.
type application struct {
	e         *Engine
	p         profile.Profile
	user      string // of the target or the image, for the unrestricted profile
	run       int    // the number of the container, from 1
	same      int    // its number among those with this profile that are traced or not as it is, from 1
	dice      dice
	traced    bool
	trace     observe.Trace // what the tracer says of itself
	restarted bool          // the container was restarted
	hangs     bool          // it does not end when it is asked to stop
	broken    error         // that calls of the engine return

	mu          sync.Mutex
	fs          *filesystem
	initial     map[string]image.Entry            // of fs, for docker diff
	kept        map[string]map[string]image.Entry // the entries of each mount over a restart
	who         identity
	cwd         string
	phase       observe.Phase
	ports       []int
	denied      []int
	connections []observe.Connection
	procs       []observe.Process // but for the first
	writes      []observe.Write
	logs        strings.Builder
	exit        *observe.Exit // nil while it runs
	exited      chan struct{} // closed by the exit
}

// engineCaps returns the capabilities that Docker leaves to a container.
func engineCaps() []string {
	return []string{
		"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW", "SETFCAP",
		"SETGID", "SETPCAP", "SETUID", "SYS_CHROOT", "AUDIT_WRITE",
	}
}

// hostname returns the name of the host of the container with a number.
func hostname(run int) string { return fmt.Sprintf("host-%03d", run) }

// setUp makes the file system and the user, and runs the init containers of seeds.
func (a *application) setUp() error {
	again := a.p.Open && a.fs != nil // an engine keeps the layer of a container that it starts again
	if !again {
		a.fs = newFilesystem(a.e.entries)
	}
	config := a.e.facts.Config.Config
	if a.p.Open {
		r, err := a.e.users.Resolve(a.user)
		if err != nil {
			return err
		}
		a.who = identity{uid: r.UID, gid: r.GID, groups: r.Groups, caps: engineCaps()}
	} else {
		a.who = identity{uid: a.p.User.UID, gid: a.p.User.GID, groups: a.p.User.Groups, caps: a.p.AddCapabilities}
		a.fs.readOnly = !a.p.WritableRoot
	}
	a.cwd = path.Clean("/" + config.WorkingDir)
	if a.p.WorkingDir != "" {
		a.cwd = a.p.WorkingDir
	}
	if again {
		return nil
	}
	a.fs.makeParents(a.cwd)
	if err := a.mountVolumes(config.Volumes); err != nil {
		return err
	}
	if !a.p.Open {
		for _, m := range a.p.Mounts {
			if err := a.mount(m); err != nil {
				return err
			}
		}
	}
	a.initial = maps.Clone(a.fs.nodes)
	return nil
}

// start starts the application.
func (a *application) start() {
	a.exited, a.exit, a.ports, a.procs = make(chan struct{}), nil, nil, nil
	a.runPhase("start")
	for _, o := range a.e.script {
		if o.After > 0 && a.exit == nil {
			go a.runLater(o, a.exited)
		}
	}
}

// kill ends the application and sets its container up again with the entries of the mounts, but for those at fresh.
func (a *application) kill(fresh []string) error {
	a.restarted = true
	a.end(observe.Exit{Code: sigkilled})
	a.kept = map[string]map[string]image.Entry{}
	for _, m := range a.p.Mounts {
		if slices.Contains(fresh, m.Path) {
			continue
		}
		at := a.fs.real(m.Path, true)
		a.kept[at] = map[string]image.Entry{}
		for p, e := range a.fs.below(at) {
			if a.fs.mountPoint(p) == at {
				a.kept[at][p] = e
			}
		}
	}
	return a.setUp()
}

// end records how the application ended, unless it has ended already.
func (a *application) end(e observe.Exit) {
	if a.exit == nil {
		a.exit = &e
		a.ports = nil
		close(a.exited)
	}
}
