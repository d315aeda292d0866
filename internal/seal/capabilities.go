package seal

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
)

// capabilityWords are the words of programs for a refused operation, with the capability that allows the operation.
var capabilityWords = []struct {
	name  string
	words *regexp.Regexp
}{
	{"CHOWN", regexp.MustCompile(`(?i)chown`)},
	{"FOWNER", regexp.MustCompile(`(?i)chmod|change mode|utimes?\b`)},
	{"KILL", regexp.MustCompile(`(?i)\bkill\b|\bsignal`)},
	{"MKNOD", regexp.MustCompile(`(?i)mknod`)},
	{"NET_RAW", regexp.MustCompile(`(?i)raw socket|SOCK_RAW|\bping\b`)},
	{"SETGID", regexp.MustCompile(`(?i)set(?:re|res|e)?gid|setgroups|initgroups`)},
	{"SETUID", regexp.MustCompile(`(?i)set(?:re|res|e)?uid|switch(?:ing)? (?:to )?user|change (?:to )?user`)},
	{"SYS_CHROOT", regexp.MustCompile(`(?i)chroot`)},
}

var refusedWords = regexp.MustCompile(`(?i)not permitted|permission denied|\bEPERM\b|failed|cannot|can't|unable`)

// likelyCapabilities returns the capabilities that the application probably needs as root, sorted: by the actions of the open
// run and the refusals of the failed one. They are tried first, and a run decides whether they suffice.
func (k knowledge) likelyCapabilities(ctx context.Context, failed observe.Observation) ([]string, error) {
	found, err := k.capabilitiesUsed(ctx)
	if err != nil {
		return nil, err
	}
	other := func(p observe.Process) bool { return p.UID != 0 }
	found["SETUID"] = k.startsAsRoot() && slices.ContainsFunc(k.open.Processes, other)
	for l := range strings.Lines(failed.Logs) {
		for _, c := range capabilityWords {
			found[c.name] = found[c.name] || refusedWords.MatchString(l) && c.words.MatchString(l)
		}
	}
	if found["SETGID"] || found["SETUID"] { // a program that switches to a user also switches to its groups
		found["SETGID"], found["SETUID"] = true, true
	}
	return slices.DeleteFunc(slices.Clone(engineCapabilities), func(c string) bool { return !found[c] }), nil
}

// capabilitiesUsed returns the capabilities that root's writes in the open run needed.
func (k knowledge) capabilitiesUsed(ctx context.Context) (map[string]bool, error) {
	found := map[string]bool{}
	for _, w := range k.open.Writes {
		if w.UID != 0 || w.Exec || w.Outcome != observe.Allowed {
			continue
		}
		switch w.Call {
		case "chown":
			found["CHOWN"] = true
		case "mknod":
			found["MKNOD"] = true
		case "open", "mkdir", "rename", "link", "symlink", "unlink", "rmdir", "bind":
			foreign, err := writesForeign(ctx, k.in.Tree, w)
			if err != nil {
				return nil, err
			}
			found["DAC_OVERRIDE"] = found["DAC_OVERRIDE"] || foreign
		}
	}
	return found, nil
}

// startsAsRoot reports whether the container starts as root in the open run.
func (k knowledge) startsAsRoot() bool {
	r, err := k.in.Users.Resolve(cmp.Or(k.in.Target.User, k.in.Facts.Config.Config.User))
	return err == nil && r.UID == 0
}

// writesForeign reports whether root writes where the modes of the image allow only another user to: that takes DAC_OVERRIDE.
func writesForeign(ctx context.Context, tree image.Tree, w observe.Write) (bool, error) {
	at := w.Path
	if w.Call != "open" {
		at = path.Dir(at)
	}
	for range 2 { // a file that the image does not have is created in its folder
		e, ok, err := tree.Lookup(ctx, at)
		if err != nil {
			return false, fmt.Errorf("looking up %s in the image: %w", at, err)
		}
		if ok {
			mode := e.Mode.Perm()
			return e.UID != 0 && mode&0o002 == 0 && (e.GID != 0 || mode&0o020 == 0), nil
		}
		at = path.Dir(at)
	}
	return false, nil
}
