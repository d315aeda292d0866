package seal

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
)

// LossKind is the kind of a Loss.
type LossKind string

// The kinds of losses.
const (
	Refused      LossKind = "refused"       // a write that succeeded in the open run was refused
	NotAttempted LossKind = "not attempted" // the sealed run did not try to write a file that the open run wrote
	NoProcess    LossKind = "process"       // a program that ran in the open run did not run
	NoPort       LossKind = "port"          // nothing listened on a port of the open run
	NewError     LossKind = "log"           // an error was logged that the open run did not log
)

// Loss is one action of the open run that is missing in the sealed run. The e2e commands passed without it.
type Loss struct {
	Kind LossKind `json:"kind"`
	// The lost thing: a path, the name of a program, a port, or a line of the logs.
	What string `json:"what"`
	// Detail adds one sentence for the report.
	Detail string `json:"detail"`
}

// maxLosses bounds the losses of each kind that a result has.
const maxLosses = 20

// losses returns the actions of the open run that are missing in a sealed run. tree is the tree of the image: files that the
// image has come first. home is the HOME that only the sealed run had, "" if it had the same. Writes are compared only if both
// runs were completely traced.
func losses(ctx context.Context, tree image.Tree, open, sealed observe.Observation, home string) ([]Loss, error) {
	var out, denied []Loss
	if open.Trace.Complete() && sealed.Trace.Complete() {
		before, now := diff.Collect(open).OnAnyHost(), diff.Collect(sealed).OnAnyHost()
		denied = refused(before, now)
		lost, err := withoutCaches(ctx, tree, before, denied)
		if err != nil {
			return nil, err
		}
		out = append(out, lost[:min(len(lost), maxLosses)]...)
		missing, err := notAttempted(ctx, tree, before, now, home)
		if err != nil {
			return nil, err
		}
		out = append(out, missing...)
	}
	out = append(out, missingProcesses(open.Processes, sealed.Processes)...)
	out = append(out, missingPorts(open.Listening, sealed.Listening)...)
	return append(out, newErrors(open.Logs, sealed.Logs, slices.Concat(denied, out))...), nil
}

// refused returns the paths that the open run wrote and the sealed run was refused. For a name that was made up at run time
// it is the directory.
func refused(open, sealed diff.List) []Loss {
	var out []Loss
	for _, e := range sealed.Denied() {
		at := e.Path
		wrote := func(o diff.Evidence) bool { return o.Path == at }
		if passing(at) {
			at = path.Dir(at)
			wrote = func(o diff.Evidence) bool { return path.Dir(o.Path) == at }
		}
		advice, managed := managedFiles[at]
		known := func(l Loss) bool { return l.What == at }
		if !slices.ContainsFunc(open.Allowed(), wrote) || e.Noise != "" && !managed || onlyOwner(e) || slices.ContainsFunc(out, known) {
			continue
		}
		detail := e.String()
		if managed {
			detail += "; " + advice
		}
		out = append(out, Loss{Refused, at, detail})
	}
	return out
}

// onlyOwner reports whether an attempt was to change the owner alone: under a seal the user owns its files itself.
func onlyOwner(e diff.Evidence) bool {
	return len(e.Calls) > 0 && !slices.ContainsFunc(e.Calls, func(c string) bool { return c != "chown" })
}

// withoutCaches removes the caches that a runtime makes in each folder of code, and works the same without: directories of one
// name in many places.
func withoutCaches(ctx context.Context, tree image.Tree, open diff.List, list []Loss) ([]Loss, error) {
	dir := func(at string) bool {
		return slices.ContainsFunc(open.Allowed(), func(o diff.Evidence) bool { return o.Path == at && o.Dir || path.Dir(o.Path) == at })
	}
	places := map[string][]string{}
	for _, l := range list {
		if dir(l.What) {
			places[path.Base(l.What)] = append(places[path.Base(l.What)], l.What)
		}
	}
	caches := map[string]bool{}
	for name, dirs := range places {
		var err error
		if caches[name], err = areCaches(ctx, tree, open, dirs); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(slices.Clone(list), func(l Loss) bool { return dir(l.What) && caches[path.Base(l.What)] }), nil
}

// areCaches reports whether directories of one name are caches of the folders that they are in. The first ones decide.
func areCaches(ctx context.Context, tree image.Tree, open diff.List, dirs []string) (bool, error) {
	if len(dirs) < manyNamesakes {
		return false, nil
	}
	known := 0
	for _, dir := range dirs[:min(len(dirs), 2*manyNamesakes)] {
		named, more, err := namedAfterNeighbors(ctx, tree, open, dir)
		switch {
		case err != nil || !named && !more:
			return false, err
		case named:
			known++
		}
	}
	return known >= min(len(dirs), manyNamesakes), nil
}

// maxNeighbors bounds the files that are listed next to a directory.
const maxNeighbors = 2000

// namedAfterNeighbors reports whether all files that the open run wrote in a directory are named after files that the image has
// next to the directory, and if not, whether it has more than were listed.
func namedAfterNeighbors(ctx context.Context, tree image.Tree, open diff.List, dir string) (named, more bool, err error) {
	entries, more, err := tree.List(ctx, path.Dir(dir), maxNeighbors)
	if err != nil {
		return false, false, fmt.Errorf("listing %s in the image: %w", path.Dir(dir), err)
	}
	neighbors := map[string]bool{}
	for _, e := range entries {
		if e.Kind == image.File && path.Base(path.Dir(e.Path)) == path.Base(path.Dir(dir)) { // the entries have real paths
			neighbors[stem(e.Path)] = true
		}
	}
	foreign := func(e diff.Evidence) bool {
		return !e.Dir && e.Path != dir && profile.Within(e.Path, dir) && !transient(e) && !neighbors[stem(e.Path)]
	}
	return len(neighbors) > 0 && !slices.ContainsFunc(open.Allowed(), foreign), more, nil
}

// stem returns the name of a file until its first dot.
func stem(at string) string {
	name, _, _ := strings.Cut(path.Base(at), ".")
	return name
}

// attempted reports whether a run tried to write a path, or was refused a directory above it or another name for it.
func attempted(at string, run diff.List) bool {
	return slices.ContainsFunc(run, func(e diff.Evidence) bool {
		denied := e.Outcome == observe.Denied
		return e.Path == at || denied && profile.Within(at, e.Path) || denied && passing(e.Path) && path.Dir(e.Path) == path.Dir(at)
	})
}

// atHome reports whether a run wrote, below its own HOME, a path with the same end: the other run's HOME was another folder.
func atHome(at string, run diff.List, home string) bool {
	return home != "" && slices.ContainsFunc(run, func(e diff.Evidence) bool {
		end, below := strings.CutPrefix(e.Path, home+"/")
		return below && strings.HasSuffix(at, "/"+end)
	})
}

// managedFiles are files that a kubelet makes for each pod, with what to use in place of writing to them.
var managedFiles = map[string]string{
	"/etc/hosts":       "a kubelet manages this file: name the hosts in the pod's hostAliases",
	"/etc/resolv.conf": "a kubelet manages this file: use the pod's dnsPolicy and dnsConfig",
	"/etc/hostname":    "a kubelet manages this file: use the pod's hostname",
}

// notAttempted returns the files that the open run wrote and the sealed run did not try to write, those of the image first.
// Files with names made at run time, and changes of owners, modes and times alone, do not count.
func notAttempted(ctx context.Context, tree image.Tree, open, sealed diff.List, home string) ([]Loss, error) {
	var shipped, other []Loss
	for _, e := range open.Allowed() {
		if len(e.Calls) == 0 || transient(e) || e.Dir || e.Noise != "" || e.MetadataOnly() || passing(e.Path) || byExec(e) || attempted(e.Path, sealed) || atHome(e.Path, sealed, home) {
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

// transient reports whether a file was removed or renamed again: docker diff does not show it.
func transient(e diff.Evidence) bool {
	return e.Kind == "" && (slices.Contains(e.Calls, "unlink") || slices.Contains(e.Calls, "rename"))
}

// passing reports whether a part of a path was made up at run time, so that no other run has it.
func passing(at string) bool {
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

func missingProcesses(open, sealed []observe.Process) []Loss {
	var out []Loss
	for _, p := range open {
		same := func(q observe.Process) bool { return q.Command == p.Command }
		known := func(l Loss) bool { return l.What == p.Command }
		if !slices.ContainsFunc(sealed, same) && !slices.ContainsFunc(out, known) {
			out = append(out, Loss{NoProcess, p.Command, fmt.Sprintf("ran in the open run as uid %d", p.UID)})
		}
	}
	slices.SortFunc(out, func(a, b Loss) int { return cmp.Compare(a.What, b.What) })
	return out[:min(len(out), maxLosses)]
}

// firstEphemeral is the lowest port that Linux gives to a socket that asks for any: net.ipv4.ip_local_port_range.
const firstEphemeral = 32768

// missingPorts returns the ports of the open run that nothing listened on in the sealed run. An ephemeral port is another one
// in each run, so one of the sealed run alone makes up for one.
func missingPorts(open, sealed []int) []Loss {
	others := 0
	for _, p := range sealed {
		if p >= firstEphemeral && !slices.Contains(open, p) {
			others++
		}
	}
	var out []Loss
	for _, p := range open {
		switch {
		case slices.Contains(sealed, p):
		case p >= firstEphemeral && others > 0:
			others--
		default:
			out = append(out, Loss{NoPort, fmt.Sprint(p), "something listened on it in the open run"})
		}
	}
	return out
}

// errorWords finds lines that report an error.
var errorWords = regexp.MustCompile(`(?i)\b(?:error|fatal|panic|critical|crit|emerg|failed|failure|traceback)\b`)

// newErrors returns the lines of the sealed run that report an error, and that the open run did not log. A line that names
// a path among the losses is left out.
func newErrors(open, sealed string, losses []Loss) []Loss {
	known := map[string]bool{}
	for l := range strings.Lines(open) {
		known[observe.LineTemplate(l)] = true
	}
	var out []Loss
	for l := range strings.Lines(sealed) {
		l = strings.TrimSpace(l)
		named := func(x Loss) bool { return path.IsAbs(x.What) && strings.Contains(l, x.What) }
		if t := observe.LineTemplate(l); !known[t] && (errorWords.MatchString(l) || len(plan.ReadRefusals(l, "")) > 0) {
			known[t] = true
			if !slices.ContainsFunc(losses, named) {
				out = append(out, Loss{NewError, l, "logged by the sealed run alone"})
			}
		}
	}
	return out[:min(len(out), maxLosses)]
}
