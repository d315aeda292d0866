package plan

import (
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

// proposeHidden seeds the plain mounts that hide folders of the image. An application may expect even an empty folder to exist.
func proposeHidden(_ context.Context, f failure) (Proposal, error) {
	r := Proposal{Profile: f.cur}
	for _, o := range f.plan.Folders {
		m, ok := f.cur.Mount(o.Path)
		if !ok || m.Kind == profile.Seeded || len(o.Hides) == 0 {
			continue
		}
		m.Kind = profile.Seeded
		evidence, strength := missing(f, m.Path)
		r.mount(m, fmt.Sprintf("the application expects %s in it, which a plain mount hides", strings.Join(o.Hides, ", ")), evidence, strength)
	}
	return r, nil
}

// missing returns the first line of the logs that reports a missing path below a folder, or noEvidence.
func missing(f failure, dir string) (string, Strength) {
	for l := range strings.Lines(f.logs) {
		if strings.Contains(l, dir+"/") && (strings.Contains(l, "No such file") || strings.Contains(l, "ENOENT")) {
			return strings.TrimSpace(l), f.cap(FromLog)
		}
	}
	return noEvidence, Guess
}

// noEvidence is the evidence of a guess: nothing in the failed run supports the proposal.
const noEvidence = "no evidence in the run"

// proposeAcross joins two mounts if the application renames or links files from one to the other. Each mount is a separate
// file system, and rename(2) and link(2) fail with EXDEV across file systems. The common parent directory takes the place of
// both. If that cannot be mounted, TMPDIR moves the temp files into the mount that they are renamed to.
func proposeAcross(ctx context.Context, f failure) (Proposal, error) {
	r := Proposal{Profile: f.cur}
	strength := FromEarlier // only the open run shows the rename
	if Crossed(f.logs) {
		strength = f.cap(FromLog)
	}
	for _, w := range append(slices.Clone(f.in.Open.Writes), namedTogether(f)...) {
		if w.Call != "rename" && w.Call != "link" || w.To == "" || w.Outcome != observe.Allowed {
			continue
		}
		if err := r.bridge(ctx, f, w, strength); err != nil {
			return r, err
		}
	}
	return r, nil
}

// bridge makes one rename or link possible if it crosses from one mount to another.
func (p *Proposal) bridge(ctx context.Context, f failure, w observe.Write, strength Strength) error {
	from, ok := p.Profile.Covering(w.Path)
	to, both := p.Profile.Covering(w.To)
	if !ok || !both || from.Path == to.Path {
		return nil
	}
	parent, evidence := common(from.Path, to.Path), fmt.Sprintf("%s of %s to %s", w.Call, w.Path, w.To)
	joinable := parent != "/" && !from.Volume && !to.Volume && (!systemFolder(parent) || parent == dataFolder)
	temp := slices.Contains(tempFolders, from.Path)
	switch {
	case joinable && (!temp || parent != dataFolder):
		why := fmt.Sprintf("the application %ss files from %s to %s, which fails across two mounts", w.Call, from.Path, to.Path)
		return p.join(ctx, f, parent, why, evidence, strength)
	case temp && Env(f.in, TempVariable) == "" && p.Profile.Env[TempVariable] == "":
		p.Profile = p.Profile.WithEnv(TempVariable, to.Path)
		p.blame(TempField, fmt.Sprintf("the application %ss temp files from %s to %s, which fails across two mounts", w.Call, from.Path, to.Path), evidence, strength)
	}
	return nil
}

// join mounts a folder in place of the mounts below it.
func (p *Proposal) join(ctx context.Context, f failure, parent, why, evidence string, strength Strength) error {
	e, _, err := f.in.Tree.Lookup(ctx, parent)
	if err != nil {
		return fmt.Errorf("looking up %s in the image: %w", parent, err)
	}
	m := profile.Mount{Path: parent, Kind: profile.Plain}
	if e.Kind == image.Dir {
		m.Kind = profile.Seeded
	}
	p.Profile = f.withoutBelow(p.Profile, parent)
	p.mount(m, why, evidence, strength)
	return nil
}

// dataFolder is the only system folder that holds data and no programs. A seeded mount of it is the last resort for an
// application that renames files between two of its folders. No other system folder gets one.
const dataFolder = "/var"

// TempFolder is the folder that most programs use for temp files.
const TempFolder = "/tmp"

// tempFolders are the folders for temp files unless TempVariable names another.
var tempFolders = []string{TempFolder, "/var/tmp"}

// IsTempFolder reports whether a path is /tmp or /var/tmp.
func IsTempFolder(at string) bool { return slices.Contains(tempFolders, at) }

// TempVariable is the environment variable that names the folder for temp files (POSIX).
const TempVariable = "TMPDIR"

// crossed matches the words for a rename or link that was refused between two file systems.
var crossed = regexp.MustCompile(`(?i)cross-device|EXDEV|errno 18\b`)

// Crossed reports whether a line of the logs says that a rename or link between two file systems was refused.
func Crossed(logs string) bool { return crossed.MatchString(logs) }

// namedTogether returns the renames between two file systems that the logs report as refused. Such a line names exactly two
// mounts of the profile, the source first.
func namedTogether(f failure) []observe.Write {
	var out []observe.Write
	for l := range strings.Lines(f.logs) {
		if !crossed.MatchString(l) {
			continue
		}
		var named []string
		for _, m := range f.cur.Mounts {
			if strings.Contains(l, m.Path+"/") {
				named = append(named, m.Path)
			}
		}
		slices.SortFunc(named, func(a, b string) int { return strings.Index(l, a+"/") - strings.Index(l, b+"/") })
		if len(named) == 2 {
			out = append(out, observe.Write{Call: "rename", Path: named[0], To: named[1], Outcome: observe.Allowed})
		}
	}
	return out
}

// common returns the deepest folder at or above both paths.
func common(a, b string) string {
	for !profile.Within(b, a) {
		a = path.Dir(a)
	}
	return a
}

// keepPrivate marks the mounts whose folders give no right to others in the image.
func keepPrivate(ctx context.Context, tree image.Tree, p profile.Profile) (profile.Profile, error) {
	for _, m := range p.Mounts {
		is, err := private(ctx, tree, m)
		if err != nil {
			return p, err
		}
		if is != m.Private {
			m.Private = is
			p = p.WithMount(m)
		}
	}
	return p, nil
}

// private reports whether an init container creates the folder of a mount, and the image gives others no right to the folder.
func private(ctx context.Context, tree image.Tree, m profile.Mount) (bool, error) {
	if !m.NeedsInit() {
		return false, nil
	}
	e, _, err := image.Probe(ctx, tree, m.Path)
	if err != nil {
		return false, fmt.Errorf("looking up %s in the image: %w", m.Path, err)
	}
	return e.Kind == image.Dir && e.Mode.Perm()&0o007 == 0, nil
}
