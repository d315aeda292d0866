// Package plan finds the tightest profile that an observation allows, with a reason for every field. It is pure: it
// reads values and an image's tree, and returns values. The sealing loop tries what it proposes.
package plan

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// Input is what the planner knows of a target after its open run.
type Input struct {
	Target target.Target
	Facts  image.Facts
	Tree   image.Tree
	Users  image.Users
	Open   observe.Observation
	// Advised are the users that the image's files name, each with where; they come behind those that ran.
	Advised []UserChoice
	// Seeding is what init containers run in.
	Seeding Seeding
}

// Plan is a first proposal.
type Plan struct {
	Profile profile.Profile
	Reasons []profile.Reason
	// Folders are all folders that the open run wrote, mounted or not.
	Folders []diff.Folder
	// Deferred are the folders of Folders that the profile leaves read-only at first: what is written there often
	// need not be, and mounting them would put a copy of image content in their place.
	Deferred []diff.Folder
	Noise    []diff.Evidence
	// Unmountable is what was written directly in /, where nothing can be mounted.
	Unmountable []diff.Evidence
}

// First proposes the first profile to try for a user.
func First(ctx context.Context, in Input, user UserChoice) (Plan, error) {
	folding, err := diff.Fold(ctx, in.written(), in.Tree, Volumes(in.Facts))
	if err != nil {
		return Plan{}, err
	}
	pl := Plan{Folders: folding.Folders, Noise: folding.Noise, Unmountable: folding.Root}
	pl.Profile.User, pl.Profile.Seeding = user.User, in.Seeding.Profile
	pl.Reasons = append(pl.Reasons, profile.Reason{Field: "runAsUser", Why: user.Why})
	for _, m := range in.Target.Mounts {
		if v, ok := in.Target.Pod.Volume(m.Volume); ok && m.Own {
			pl.Profile = pl.Profile.WithMount(profile.Mount{Path: m.Path, Kind: profile.Plain, Medium: v.Medium})
			pl.Reasons = append(pl.Reasons, profile.Reason{Field: MountField(m.Path), Mount: m.Path, Why: "the pod mounts an emptyDir here already"})
		}
	}
	for i, f := range folding.Folders {
		if why := in.untracedWriter(f); why != "" {
			f.Why, folding.Folders[i].Why = why, why
		}
		// A volume of the pod's own stays what it is; but a VOLUME of the image below one is not in it.
		if m, is := in.Target.GivenMount(f.Path); is && (!f.Volume || m.Path == f.Path) {
			continue
		}
		if !urgent(f) {
			pl.Deferred = append(pl.Deferred, f)
			continue
		}
		m, why, err := mountFor(ctx, in, user.User, f)
		if err != nil {
			return Plan{}, err
		}
		if m.Private, err = private(ctx, in.Tree, m); err != nil {
			return Plan{}, err
		}
		pl.Profile = pl.Profile.WithMount(m)
		pl.Reasons = append(pl.Reasons, profile.Reason{Field: MountField(m.Path), Mount: m.Path, Why: why})
	}
	if low := lowPorts(in); len(low) > 0 {
		pl.Profile.LowPorts = true
		pl.Reasons = append(pl.Reasons, profile.Reason{
			Field: LowPortField,
			Why:   fmt.Sprintf("listens on port %s, below 1024, which a kubelet does not open to a non-root user", ints(low)),
		})
	}
	if len(folding.Root) > 0 && workingDir(in) == "/" {
		dir, err := freeFolder(ctx, in.Tree, "/workdir")
		if err != nil {
			return Plan{}, err
		}
		pl.Profile.WorkingDir = dir
		pl.Profile = pl.Profile.WithMount(profile.Mount{Path: dir, Kind: profile.Plain})
		pl.Reasons = append(pl.Reasons, profile.Reason{Field: WorkingDirField, Why: fmt.Sprintf(
			"writes %s into its working directory, which is /: nothing can be mounted there", folding.Root[0].Path)})
	}
	return pl, nil
}

// The fields that reasons name besides MountField.
const (
	LowPortField    = "sysctl net.ipv4.ip_unprivileged_port_start"
	WorkingDirField = "workingDir"
	CapabilityField = "capabilities"
	HomeField       = "env HOME"
	TempField       = "env " + TempVariable
)

// MountField is the name of a mount in a Reason.
func MountField(at string) string { return "mount " + at }

// MountFor is the mount that a folder needs: seeded where the image has files in it.
func MountFor(f diff.Folder) profile.Mount {
	m := profile.Mount{Path: f.Path, Kind: profile.Plain, Volume: f.Volume}
	if f.Content == diff.Filled {
		m.Kind = profile.Seeded
	}
	return m
}

// urgent tells whether a folder belongs in the first profile. A folder with image content whose writes all came with
// the start (a configuration rewritten by an entrypoint) is first left alone, and so is one of which only the owner or
// the mode was changed: a sealed run that needs them says so.
func urgent(f diff.Folder) bool {
	if f.Volume {
		return true
	}
	wrote, later := false, false
	for _, e := range f.Evidence {
		if e.MetadataOnly() {
			continue
		}
		wrote = true
		later = later || e.Phase != observe.Start
	}
	if f.Content == diff.Filled {
		return later && !systemFolder(f.Path)
	}
	return wrote
}

// systemFolders are the folders of an operating system of which a copy would be no answer.
var systemFolders = []string{"/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/sbin", "/sys", "/usr", "/var"}

func systemFolder(p string) bool { return slices.Contains(systemFolders, p) }

// Volumes are the image's VOLUME paths, clean and sorted.
func Volumes(f image.Facts) []string {
	var out []string
	for v := range f.Config.Config.Volumes {
		out = append(out, path.Clean("/"+v))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// lowPorts are the ports below 1024 that the application listened on; where that is not known, the ones it exposes.
func lowPorts(in Input) []int {
	ports := slices.Clone(in.Open.Listening)
	if len(ports) == 0 {
		ports = slices.Clone(in.Target.Ports)
	}
	ports = append(ports, in.Facts.Exposed("udp")...) // what listens is known of TCP alone
	slices.Sort(ports)
	ports = slices.Compact(ports)
	if in.Target.Pod != nil { // the containers of a pod share their ports: only what this one declares is surely its own
		ports = slices.DeleteFunc(slices.Clone(ports), func(p int) bool { return !slices.Contains(in.Target.Ports, p) })
	}
	var out []int
	for _, p := range ports {
		if p < 1024 {
			out = append(out, p)
		}
	}
	return out
}

// workingDir is the directory that the application starts in.
func workingDir(in Input) string {
	for _, d := range []string{in.Target.WorkingDir, in.Facts.Config.Config.WorkingDir} {
		if d != "" {
			return path.Clean("/" + d)
		}
	}
	return "/"
}

// freeFolder is a path that the image does not have.
func freeFolder(ctx context.Context, tree image.Tree, want string) (string, error) {
	for i := 0; ; i++ {
		p := want
		if i > 0 {
			p = fmt.Sprintf("%s-%d", want, i)
		}
		_, ok, err := image.Probe(ctx, tree, p)
		if err != nil {
			return "", fmt.Errorf("looking for a free folder: %w", err)
		}
		if !ok {
			return p, nil
		}
	}
}

func ints(n []int) string {
	s := make([]string, len(n))
	for i, v := range n {
		s[i] = fmt.Sprint(v)
	}
	return strings.Join(s, ", ")
}

// untracedWriter says which commands alone may write a folder: those that something else than podseal executes in the
// container, which the tracer does not see. It is empty where the application writes there.
func (in Input) untracedWriter(f diff.Folder) string {
	t := in.Open.Trace
	traced := func(e diff.Evidence) bool { return len(e.Calls) > 0 }
	if !t.Complete() || len(t.Unseen) == 0 || len(f.Evidence) == 0 || slices.ContainsFunc(f.Evidence, traced) {
		return ""
	}
	who := "a command that is executed in the container"
	if h := in.Facts.Config.Config.Healthcheck; h != nil && len(h.Test) > 1 && len(t.Unseen) == 1 && strings.HasSuffix(t.Unseen[0], strings.Join(h.Test[1:], " ")) {
		who = "the image's HEALTHCHECK, which a pod does not run,"
	}
	return "only " + who + " writes here, and not the application; it counts as long as readiness depends on it (see --ready)"
}

// RelaxationsOf returns the IDs of the relaxations that a reason is about, the whole first.
func RelaxationsOf(r profile.Reason) []string {
	if r.Mount != "" {
		return []string{profile.MountID(r.Mount), profile.OwnedID(r.Mount), profile.MemoryID(r.Mount)}
	}
	if r.Field != CapabilityField {
		return []string{r.Field}
	}
	var out []string
	for _, c := range capabilities {
		out = append(out, profile.CapabilityID(c))
	}
	return out
}

// Env is the value of an environment variable as the application sees it: the target's, else the image's.
func Env(in Input, name string) string {
	value := ""
	for _, kv := range in.Facts.Config.Config.Env {
		if k, v, ok := strings.Cut(kv, "="); ok && k == name {
			value = v
		}
	}
	for _, e := range in.Target.Env {
		if e.Name == name {
			value = e.Value
		}
	}
	return value
}

// CheckVolumes refuses a VOLUME of the image that no pod can mount. A seal mounts every VOLUME, and the API server takes
// no colon in a mountPath; nothing can be mounted on the root folder.
func CheckVolumes(f image.Facts) error {
	for _, v := range Volumes(f) {
		switch {
		case v == "/":
			return fmt.Errorf("it declares the root folder as a VOLUME, which no pod can mount: name the folders that are written")
		case strings.ContainsAny(v, ":\x00"):
			return fmt.Errorf("it declares VOLUME %q, but Kubernetes takes no colon in a mount path: rename the folder", v)
		}
	}
	return nil
}
