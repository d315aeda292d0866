package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/podseal/podseal/internal/termtext"
)

// wrote says what was written in a folder, and by which process: "nginx.pid: by nginx uid 101, 3x".
func wrote(c Choice) string {
	what, who := some(names(c), 3, ", "), writers(c.Evidence)
	if what != "" && who != "" {
		return what + ": by " + who
	}
	if who != "" {
		return "by " + who
	}
	return what
}

// names returns the names of the entries that were written in a folder, each once.
func names(c Choice) []string {
	var out []string
	for _, e := range c.Evidence {
		name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(e.Path, c.Path), "/"), "/")
		if name != "" {
			out = append(out, clean(name))
		}
	}
	return slices.Compact(out)
}

// writers says who wrote, in a few words: "nginx uid 101, 3x".
func writers(list []Evidence) string {
	var who []Writer
	for _, e := range list {
		for _, w := range e.Writers {
			i := slices.IndexFunc(who, func(x Writer) bool { return x.Process == w.Process && x.UID == w.UID && x.Exec == w.Exec })
			if i < 0 {
				who = append(who, w)
			} else {
				who[i].Count += w.Count
			}
		}
	}
	slices.SortStableFunc(who, func(a, b Writer) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Process, b.Process), cmp.Compare(a.UID, b.UID))
	})
	return some(each(who, writer), 3, "; ")
}

func writer(w Writer) string {
	s := fmt.Sprintf("%s uid %d", clean(cmp.Or(w.Process, "a process")), w.UID)
	if w.Exec {
		s += " (a command executed in the container)"
	}
	if w.Count > 1 {
		s += fmt.Sprintf(", %dx", w.Count)
	}
	return s
}

// some joins the first few of a list and counts the others.
func some(list []string, n int, sep string) string {
	if len(list) <= n+1 {
		return strings.Join(list, sep)
	}
	return fmt.Sprintf("%s%sand %d more", strings.Join(list[:n], sep), sep, len(list)-n)
}

// sentence describes one piece of evidence: "/run/x.pid: open denied (EROFS) in phase start, by nginx
// uid 101, 2x".
func sentence(e Evidence) string {
	s := clean(e.Path)
	if e.Change != "" {
		s += " (" + e.Change + ")"
	}
	s += ": " + cmp.Or(strings.Join(e.Calls, ", "), "written")
	if e.Outcome != "allowed" {
		s += " " + e.Outcome
	}
	if e.Errno != "" {
		s += " (" + e.Errno + ")"
	}
	if e.Phase != "" {
		s += " in phase " + e.Phase
	}
	if who := writers([]Evidence{e}); who != "" {
		s += ", by " + who
	}
	if e.Line != "" {
		s += ", in the logs: " + clean(e.Line)
	}
	return s
}

// allowed says in a line what a profile allows.
func allowed(p Profile) string {
	if p.Open {
		return "unrestricted, as the image says"
	}
	s := fmt.Sprintf("uid %d, gid %d", p.UID, p.GID)
	if len(p.Mounts) > 0 {
		s += "; writable: " + strings.Join(each(p.Mounts, func(m Mount) string { return clean(m.Path) }), ", ")
	}
	for _, x := range []struct {
		on   bool
		what string
	}{
		{p.WritableRoot, "writable root"},
		{p.AllowPrivilegeEscalation, "privilege escalation"},
		{p.LowPorts, "low ports"},
		{p.Ping, "ping"},
		{len(p.AddCapabilities) > 0, "capabilities " + strings.Join(p.AddCapabilities, ", ")},
		{p.WorkingDir != "", "works in " + p.WorkingDir},
	} {
		if x.on {
			s += "; " + clean(x.what)
		}
	}
	return s
}

// traceLine says how far the tracer saw, and what that leaves open.
func traceLine(t Trace) string {
	if !t.On {
		return "off" + because(strings.TrimPrefix(t.Note, "tracing is off: ")) + ". Not seen: files that were made and removed again, writes below a VOLUME, " +
			"refused writes that nothing logged, and which process wrote"
	}
	s := "on" + because(t.Note)
	if t.Lost > 0 {
		s += fmt.Sprintf("; %s lost, so that the lists of writes are not complete", termtext.Count(t.Lost, "event"))
	}
	if len(t.Unseen) > 0 {
		quoted := each(t.Unseen, func(command string) string { return "`" + clean(command) + "`" })
		s += "; not traced, because something other than podseal executed it in the container: " + some(quoted, 3, ", ")
	}
	return s
}

func because(note string) string {
	if note == "" {
		return ""
	}
	return ", " + note
}

func ints(list []int64) string {
	return strings.Join(each(list, func(n int64) string { return strconv.FormatInt(n, 10) }), ", ")
}
