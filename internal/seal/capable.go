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
	"github.com/podseal/podseal/internal/profile"
)

// capabilityWords are the words by which programs say what they were refused, with the capability that allows it.
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

// likelyCapabilities are those that the application probably needs as root, by what the open run did and the failed one
// was refused: sorted. They are what is tried first; a run says whether they are right.
func (s *session) likelyCapabilities(ctx context.Context, failed observe.Observation) ([]string, error) {
	found, err := s.capabilitiesUsed(ctx)
	if err != nil {
		return nil, err
	}
	other := func(p observe.Process) bool { return p.UID != 0 }
	found["SETUID"] = s.startsAsRoot() && slices.ContainsFunc(s.open.Processes, other)
	for l := range strings.Lines(failed.Logs) {
		for _, c := range capabilityWords {
			found[c.name] = found[c.name] || refusedWords.MatchString(l) && c.words.MatchString(l)
		}
	}
	if found["SETGID"] || found["SETUID"] { // who switches to a user switches to its groups
		found["SETGID"], found["SETUID"] = true, true
	}
	return slices.DeleteFunc(slices.Clone(engineCapabilities), func(c string) bool { return !found[c] }), nil
}

// capabilitiesUsed are those without which root could not have written as the open run did.
func (s *session) capabilitiesUsed(ctx context.Context) (map[string]bool, error) {
	found := map[string]bool{}
	for _, w := range s.open.Writes {
		if w.UID != 0 || w.Exec || w.Outcome != observe.Allowed {
			continue
		}
		switch w.Call {
		case "chown":
			found["CHOWN"] = true
		case "mknod":
			found["MKNOD"] = true
		case "open", "mkdir", "rename", "link", "symlink", "unlink", "rmdir", "bind":
			foreign, err := writesForeign(ctx, s.in.Tree, w)
			if err != nil {
				return nil, err
			}
			found["DAC_OVERRIDE"] = found["DAC_OVERRIDE"] || foreign
		}
	}
	return found, nil
}

// startsAsRoot tells whether the image and the target leave the container to root.
func (s *session) startsAsRoot() bool {
	r, err := s.in.Users.Resolve(cmp.Or(s.target.User, s.facts.Config.Config.User))
	return err == nil && r.UID == 0
}

// writesForeign tells whether root writes where the modes of the image let only another user: for that it passes over
// them.
func writesForeign(ctx context.Context, tree image.Tree, w observe.Write) (bool, error) {
	at := w.Path
	if w.Call != "open" {
		at = path.Dir(at)
	}
	for range 2 { // a file that the image has not is made in its folder
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

// fewerCapabilities takes back capabilities that are not needed: in four parts, then one by one; the parts are tried side
// by side.
func (s *session) fewerCapabilities(ctx context.Context, p profile.Profile) (profile.Profile, error) {
	var err error
	if size := (len(p.AddCapabilities) + 3) / 4; size > 1 {
		if p, err = s.withoutParts(ctx, p, slices.Collect(slices.Chunk(p.AddCapabilities, size))); err != nil {
			return p, err
		}
	}
	return s.withoutParts(ctx, p, slices.Collect(slices.Chunk(p.AddCapabilities, 1)))
}

// withoutParts takes away the parts of the capabilities that are not needed. Each is tried alone, then all that were not
// needed together; where those are, one after the other.
func (s *session) withoutParts(ctx context.Context, p profile.Profile, parts [][]string) (profile.Profile, error) {
	needless := make([]bool, len(parts))
	_, err := s.sideBySide(ctx, len(parts), s.slots(), func(ctx context.Context, i int) (_ bool, err error) {
		needless[i], err = s.passesOnce(ctx, withoutCapabilities(p, parts[i]))
		return false, err // all of them are of interest
	})
	if err != nil {
		return p, err
	}
	together := p
	for i, part := range parts {
		if needless[i] {
			together = withoutCapabilities(together, part)
		}
	}
	if ok, err := s.passesOnce(ctx, together); err != nil || ok {
		return together, err
	}
	for i, part := range parts {
		if !needless[i] {
			continue
		}
		ok, err := s.passesOnce(ctx, withoutCapabilities(p, part))
		if err != nil {
			return p, err
		}
		if ok {
			p = withoutCapabilities(p, part)
		}
	}
	return p, nil
}

// passesOnce tells whether a profile passes without a restart, from a run before or from a new one.
func (s *session) passesOnce(ctx context.Context, p profile.Profile) (bool, error) {
	if s.tried(p) {
		return s.lastOf(p).Passed(), nil
	}
	o, err := s.round(ctx, capabilityRound(p), p, s.trialLimits().once())
	return o.Passed(), err
}

func capabilityRound(p profile.Profile) string {
	switch n := len(p.AddCapabilities); {
	case n == 0:
		return "without capabilities"
	case n > 4:
		return fmt.Sprintf("with only %d capabilities", n)
	}
	return "with only the capabilities " + strings.Join(p.AddCapabilities, ", ")
}

func withoutCapabilities(p profile.Profile, names []string) profile.Profile {
	p.AddCapabilities = slices.DeleteFunc(slices.Clone(p.AddCapabilities), func(c string) bool { return slices.Contains(names, c) })
	return p
}
