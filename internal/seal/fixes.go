package seal

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
)

// readOnlyRoot is the exception of a profile whose root file system is writable.
const readOnlyRoot = "readOnlyRootFilesystem"

// fixes maps an exception, or a capability without CAP_, to the change of the image that makes it unnecessary.
var fixes = map[string]string{
	readOnlyRoot:               "let the application write only below its own folders (a configurable data, cache or temp folder), and create them in the Dockerfile",
	"runAsNonRoot":             "add a numeric USER as the last line of the Dockerfile, and give that user the rights that the application needs: readable files, ports from 1024, no step at the start that needs root",
	"allowPrivilegeEscalation": "run without setuid programs: no sudo, su or ping in the entrypoint",

	"CHOWN":        "set owners in the Dockerfile (`COPY --chown`, `RUN chown`) instead of at the start",
	"DAC_OVERRIDE": "give the files to the user that reads and writes them (`COPY --chown`, `RUN chown`), instead of letting root ignore their modes",
	"FOWNER":       "set modes in the Dockerfile (`RUN chmod`) instead of at the start",
	"FSETID":       "set modes in the Dockerfile (`RUN chmod`) instead of at the start",
	"KILL":         "run all processes as one user: they can signal each other then",
	"MKNOD":        "create no device files at the start",
	"NET_RAW":      "use no raw sockets: replace ping by a TCP check",
	"SETGID":       "start as the user that it switches to: name it in USER, and drop gosu, su-exec, setpriv or su from the entrypoint",
	"SETUID":       "start as the user that it switches to: name it in USER, and drop gosu, su-exec, setpriv or su from the entrypoint",
	"SETPCAP":      "start without changing capabilities: the pod drops them all",
	"SYS_CHROOT":   "do not chroot: the container already isolates the file system",
}

// fix returns the change of the image that makes an exception unnecessary, with the refused paths of the failed run.
func (k knowledge) fix(ctx context.Context, exception string, p profile.Profile, failed observe.Observation) (string, error) {
	if failed.Failure.Path != "" {
		if fix, err := k.seedFix(ctx, p, failed); fix != "" || err != nil {
			return fix, err
		}
	}
	kind, capability, _ := strings.Cut(exception, ":")
	fix := fixes[kind]
	if capability != "" {
		fix = fixes[capability]
	}
	if fix == "" {
		fix = "change the application so that it does not need the capability"
	}
	if t := k.open.Trace; kind == "allowPrivilegeEscalation" && t.On && t.Note != "" {
		return fix + " (the open run: " + t.Note + ")", nil
	}
	if kind == readOnlyRoot && plan.Crossed(failed.Logs) {
		return "let the application create its files in the folder that it renames or links them to, or next to it (a configurable " +
			"temp folder): each volume is a separate file system, and neither a rename nor a hard link crosses file systems", nil
	}
	errnos := []string{"EACCES", "EPERM"}
	if kind == readOnlyRoot {
		errnos = []string{"EROFS"}
	}
	paths, copied := refusedPaths(failed, errnos...), mentioned(copies(p), failed.Logs)
	switch {
	case capability == "CHOWN" && k.chownsVolumes():
		return "remove the chown, and set fsGroup in the pod's securityContext to the group of the user that writes there: " +
			"a kubelet gives the pod's volumes to that group" + k.usedFor(capability), nil
	case capability != "":
		fix += k.usedFor(capability)
	case len(paths) > 0:
		fix += fmt.Sprintf(" (uid %d was refused %s)", p.User.UID, strings.Join(paths, ", "))
	case kind == readOnlyRoot && len(copied) > 0:
		fix += fmt.Sprintf(" (the failed run had a copy of %s, which belongs to uid %d)", strings.Join(copied, ", "), p.User.UID)
	}
	return fix, nil
}

// callsOf maps a capability to the call that needs it, of those that are traced.
var callsOf = map[string]string{"CHOWN": "chown", "MKNOD": "mknod"}

// chownsVolumes reports whether root changes the owners of files in the pod's own volumes alone, as init containers do.
func (k knowledge) chownsVolumes() bool {
	found := false
	for _, w := range k.open.Writes {
		if w.UID != 0 || w.Call != callsOf["CHOWN"] || w.Outcome != observe.Allowed {
			continue
		}
		if m, ok := k.in.Target.GivenMount(w.Path); !ok || m.Own {
			return false
		}
		found = true
	}
	return found
}

// usedFor names the first three files of the open run that a capability was needed for. It returns "" if none is known.
func (k knowledge) usedFor(capability string) string {
	var paths []string
	for _, w := range k.open.Writes {
		if w.UID == 0 && w.Call == callsOf[capability] && w.Outcome == observe.Allowed && !slices.Contains(paths, w.Path) && len(paths) < 3 {
			paths = append(paths, w.Path)
		}
	}
	if len(paths) == 0 {
		return ""
	}
	return fmt.Sprintf(" (the open run: %s %s)", callsOf[capability], strings.Join(paths, ", "))
}

// mentioned returns the folders that the logs name. It returns all of them if the logs are empty.
func mentioned(folders []string, logs string) []string {
	if strings.TrimSpace(logs) == "" {
		return folders
	}
	return slices.DeleteFunc(slices.Clone(folders), func(at string) bool { return !strings.Contains(logs, at) })
}

// copies returns the folders that a profile has a copy of, made by an init container.
func copies(p profile.Profile) []string {
	var out []string
	for _, m := range p.Mounts {
		if m.Kind == profile.Seeded {
			out = append(out, m.Path)
		}
	}
	return out
}

// refusedPaths returns the first three paths that a run was refused with one of the errors.
func refusedPaths(o observe.Observation, errnos ...string) []string {
	var out []string
	add := func(path, errno string) {
		if path != "" && slices.Contains(errnos, errno) && !slices.Contains(out, path) && len(out) < 3 {
			out = append(out, path)
		}
	}
	for _, e := range diff.Collect(o).Denied() {
		if e.Noise == "" {
			add(e.Path, e.Errno)
		}
	}
	for _, l := range plan.ReadRefusals(o.Logs, "") {
		add(l.Path, l.Errno)
	}
	return out
}

// seedFix returns the change of the image after a failed init container, with the name of the file that its user cannot copy.
// It returns "" if the profile has no such mount.
func (k knowledge) seedFix(ctx context.Context, p profile.Profile, o observe.Observation) (string, error) {
	m, ok := p.Mount(o.Failure.Path)
	if !ok {
		return "", nil
	}
	if strings.Contains(o.Logs, "No space left") {
		return fmt.Sprintf("the engine has no disk space for a copy of %s: free some, or let the application write to a folder that the image does not fill", m.Path), nil
	}
	e, found, err := plan.Unreadable(ctx, k.in.Tree, m, p.User, o.Failure.Text)
	if err != nil || !found {
		return fmt.Sprintf("read the logs of the init container of %s, and let uid %d copy all files that the image has there", m.Path, p.User.UID), err
	}
	return fmt.Sprintf("uid %d may not read %s, which is %04o and %d:%d in the image: `RUN chmod -R a+rX %s` in the Dockerfile, or `COPY --chown=%d:%d` where it is added",
		p.User.UID, e.Path, e.Mode.Perm(), e.UID, e.GID, m.Path, p.User.UID, p.User.GID), nil
}
