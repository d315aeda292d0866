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

// proposeHidden fills the plain mounts that hide folders of the image: an application may expect them there, though they
// are empty.
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

// missing is the line of the logs that tells of something that is missing below a folder.
func missing(f failure, dir string) (string, Strength) {
	for l := range strings.Lines(f.logs) {
		if strings.Contains(l, dir+"/") && (strings.Contains(l, "No such file") || strings.Contains(l, "ENOENT")) {
			return strings.TrimSpace(l), f.cap(FromLog)
		}
	}
	return noEvidence, Guess
}

// noEvidence is the evidence where nothing in a failed run says what to do.
const noEvidence = "no other sign"

// proposeAcross joins two mounts between which the application renames or links files: each is a file system of its own,
// which neither leaves. The folder above both takes their place. Where there is none that should be mounted, temp
// files are made where they are renamed to.
func proposeAcross(ctx context.Context, f failure) (Proposal, error) {
	r := Proposal{Profile: f.cur}
	strength := FromEarlier // the open run renames, and nothing says that this one could not
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

// bridge lets the application make one rename or link, where it goes from one mount to another.
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
		why := fmt.Sprintf("the application %ss files from %s to %s, which two mounts would not let it", w.Call, from.Path, to.Path)
		return p.join(ctx, f, parent, why, evidence, strength)
	case temp && Env(f.in, TempVariable) == "" && p.Profile.Env[TempVariable] == "":
		p.Profile = p.Profile.WithEnv(TempVariable, to.Path)
		p.blame(TempField, fmt.Sprintf("the application renames temp files from %s to %s, which two mounts would not let it", from.Path, to.Path), evidence, strength)
	}
	return nil
}

// join mounts a folder in place of the mounts below it.
func (p *Proposal) join(ctx context.Context, f failure, above, why, evidence string, strength Strength) error {
	e, exists, err := f.in.Tree.Lookup(ctx, above)
	if err != nil {
		return fmt.Errorf("looking up %s in the image: %w", above, err)
	}
	m := profile.Mount{Path: above, Kind: profile.Plain}
	if exists && e.Kind == image.Dir {
		m.Kind = profile.Seeded
	}
	p.Profile = f.withoutBelow(p.Profile, above)
	p.mount(m, why, evidence, strength)
	return nil
}

// dataFolder is the one folder of an operating system that holds data and no programs. A copy of it is a last resort for
// an application that renames files between two folders of it; of any other system folder it is no answer.
const dataFolder = "/var"

// TempFolder is where most programs make temp files.
const TempFolder = "/tmp"

// tempFolders are where temp files go unless TempVariable says otherwise.
var tempFolders = []string{TempFolder, "/var/tmp"}

// IsTempFolder reports whether a path is a temp folder of every system.
func IsTempFolder(at string) bool { return slices.Contains(tempFolders, at) }

// TempVariable tells most libraries where to make temp files.
const TempVariable = "TMPDIR"

// crossed finds that a rename was refused between two file systems.
var crossed = regexp.MustCompile(`(?i)cross-device|EXDEV|errno 18\b`)

// Crossed tells whether logs tell of a rename or link that was refused between two file systems.
func Crossed(logs string) bool { return crossed.MatchString(logs) }

// namedTogether are the renames that the logs tell of as refused between two file systems: any two mounts of the
// profile that one such line names, in its order.
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

// common is the deepest folder at or above both paths.
func common(a, b string) string {
	for !profile.Within(b, a) {
		a = path.Dir(a)
	}
	return a
}

// keepPrivate marks the mounts of a profile whose folders the image lets nobody else into.
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

// private tells whether an init container makes the folder of a mount, and the image gives others no right to it.
func private(ctx context.Context, tree image.Tree, m profile.Mount) (bool, error) {
	if !m.NeedsInit() {
		return false, nil
	}
	e, ok, err := image.Probe(ctx, tree, m.Path)
	if err != nil {
		return false, fmt.Errorf("looking up %s in the image: %w", m.Path, err)
	}
	return ok && e.Kind == image.Dir && e.Mode.Perm()&0o007 == 0, nil
}
