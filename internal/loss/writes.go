package loss

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
)

// refused returns the paths that the open run wrote and the sealed run was refused. For a name that was made up at run time
// it is the directory. harmless are the refusals of what a seal makes needless.
func refused(open, sealed diff.List, p profile.Profile) (out []Loss, harmless diff.List) {
	for _, e := range sealed.Denied() {
		at := e.Path
		wrote := func(o diff.Evidence) bool { return o.Path == at }
		if madeUp(at) {
			at = path.Dir(at)
			wrote = func(o diff.Evidence) bool { return path.Dir(o.Path) == at }
		}
		advice, managed := managedFiles[at]
		known := func(l Loss) bool { return l.What == at }
		if !slices.ContainsFunc(open.Allowed(), wrote) || e.Noise != "" && !managed || slices.ContainsFunc(out, known) {
			continue
		}
		if needless(e, p) {
			harmless = append(harmless, e)
			continue
		}
		detail := e.String()
		if managed {
			detail += "; " + advice
		}
		out = append(out, Loss{Refused, at, detail})
	}
	return out, harmless
}

// needless reports whether an attempt was to change what a seal makes needless: an owner, since the user owns its files itself, or
// the mode of a mount, which is open to everyone.
func needless(e diff.Evidence, p profile.Profile) bool {
	_, mounted := p.Mount(e.Path)
	other := func(call string) bool { return call != "chown" && (!mounted || call != "chmod") }
	return len(e.Calls) > 0 && !slices.ContainsFunc(e.Calls, other)
}

// attempted reports whether a run under a profile tried to write a path, or was refused a directory above it or another name for
// it. A refused change that the seal makes needless is no attempt: it says nothing of the content.
func attempted(at string, run diff.List, p profile.Profile) bool {
	return slices.ContainsFunc(run, func(e diff.Evidence) bool {
		denied := e.Outcome == observe.Denied
		if denied && needless(e, p) {
			return false
		}
		return e.Path == at || denied && profile.Within(at, e.Path) || denied && madeUp(e.Path) && path.Dir(e.Path) == path.Dir(at)
	})
}

// moved reports whether a run under a profile wrote the file of a path in a folder that the profile puts in place of another
// one: the working directory in place of /, TMPDIR in place of a folder for temp files, or HOME in place of any folder.
func moved(at string, run diff.List, p profile.Profile) bool {
	return slices.ContainsFunc(run, func(e diff.Evidence) bool {
		if e.Outcome != observe.Allowed {
			return false
		}
		inWork, worked := below(e.Path, p.WorkingDir)
		inTemp, temporary := below(e.Path, p.Env[plan.TempVariable])
		inHome, personal := below(e.Path, p.Env["HOME"])
		return worked && at == inWork ||
			temporary && strings.HasSuffix(at, inTemp) && plan.IsTempFolder(strings.TrimSuffix(at, inTemp)) ||
			personal && strings.HasSuffix(at, inHome)
	})
}

// below returns the rest of a path after a folder, from its slash on. ok is false for a path elsewhere, and for the folder "".
func below(at, folder string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(at, folder)
	return rest, ok && folder != "" && strings.HasPrefix(rest, "/")
}

// managedFiles are files that a kubelet makes for each pod, with what to use in place of writing to them.
var managedFiles = map[string]string{
	"/etc/hosts":       "a kubelet manages this file: name the hosts in the pod's hostAliases",
	"/etc/resolv.conf": "a kubelet manages this file: use the pod's dnsPolicy and dnsConfig",
	"/etc/hostname":    "a kubelet manages this file: use the pod's hostname",
}

// notAttempted returns the files that the open run wrote and the sealed run did not try to write, those of the image first.
// Files with names made at run time, and changes of owners, modes and times alone, do not count.
func notAttempted(ctx context.Context, tree image.Tree, open, sealed diff.List, p profile.Profile) ([]Loss, error) {
	var shipped, other []Loss
	for _, e := range open.Allowed() {
		if !lasting(e) || attempted(e.Path, sealed, p) || moved(e.Path, sealed, p) {
			continue
		}
		_, ok, err := image.Probe(ctx, tree, e.Path)
		if err != nil {
			return nil, fmt.Errorf("looking up %s in the image: %w", e.Path, err)
		}
		l := Loss{NotAttempted, e.Path, "written in the open run by " + writersOf(e)}
		if ok {
			shipped = append(shipped, l)
		} else {
			other = append(other, l)
		}
	}
	out := slices.Concat(shipped, other)
	return out[:min(len(out), maxLosses)], nil
}

// lasting reports whether a write left content of the application in a file that another run would write, too.
func lasting(e diff.Evidence) bool {
	content := len(e.Calls) > 0 && !e.Dir && !e.MetadataOnly() && !e.Transient()
	return content && e.Noise == "" && !madeUp(e.Path) && !byExec(e)
}

// madeUp reports whether a part of a path was made up at run time, so that no other run has it.
func madeUp(at string) bool {
	for ; at != "/" && at != "*"; at = path.Dir(at) {
		if base := path.Base(at); base == "*" || diff.Random(base) {
			return true
		}
	}
	return false
}

// byExec reports whether only commands that were executed in the container made the writes, and not the application.
func byExec(e diff.Evidence) bool {
	return !slices.ContainsFunc(e.Writers, func(w diff.Writer) bool { return !w.Exec })
}

func writersOf(e diff.Evidence) string {
	var out []string
	for _, w := range e.Writers {
		out = append(out, w.String())
	}
	return strings.Join(slices.Compact(out), ", ")
}
