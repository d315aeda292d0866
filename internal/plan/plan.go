// Package plan proposes the tightest profile that an observation allows, with a reason for every field, and the profiles to
// try after a failed run. It has no effects: it reads values and the tree of an image, and returns values.
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
	// Advised are the users that the image's files name, each with the place. They rank after the users of the open run and
	// the owners of what it wrote.
	Advised []UserChoice
	// Seeding describes how the init containers run.
	Seeding Seeding
}

// Plan is the first proposal for a user.
type Plan struct {
	Profile profile.Profile
	Reasons []profile.Reason
	// Folders are all folders that the open run wrote, mounted or not.
	Folders []diff.Folder
	// Deferred are the folders of Folders that the profile leaves read-only at first: the application often tolerates that,
	// and a mount would replace image content by a copy.
	Deferred []diff.Folder
	Noise    []diff.Evidence
	// Unmountable are the writes directly in /, where nothing can be mounted.
	Unmountable []diff.Evidence
}

// First returns the first plan for a user. It fails if the tree of the image cannot be read.
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
			pl.Reasons = append(pl.Reasons, profile.Reason{Field: profile.MountID(m.Path), Mount: m.Path, Why: "the pod mounts an emptyDir here already"})
		}
	}
	for i, f := range folding.Folders {
		if why := in.untracedWriter(f); why != "" {
			f.Why, folding.Folders[i].Why = why, why
		}
		// The plan does not change a volume of the pod, but a VOLUME of the image below one needs its own mount.
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
		pl.Reasons = append(pl.Reasons, mountReason(m.Path, why))
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
			"writes %s into its working directory, which is /: nothing can be mounted there", folding.Root[0].Path)}, mountReason(dir, insteadOfRoot))
	}
	return pl, nil
}

// The fields of a Reason other than those of mounts, which are profile.MountID.
const (
	LowPortField    = "sysctl net.ipv4.ip_unprivileged_port_start"
	WorkingDirField = "workingDir"
	CapabilityField = "capabilities"
	HomeField       = "env HOME"
	TempField       = "env " + TempVariable
)

// insteadOfRoot is the reason for the mount of a separate working directory.
const insteadOfRoot = "the working directory, in place of /"

// mountReason returns the reason for a mount.
func mountReason(at, why string) profile.Reason {
	return profile.Reason{Field: profile.MountID(at), Mount: at, Why: why}
}

// MountFor returns the mount that a folder needs: a seeded one if the image has files in the folder, else a plain one.
func MountFor(f diff.Folder) profile.Mount {
	m := profile.Mount{Path: f.Path, Kind: profile.Plain, Volume: f.Volume}
	if f.Content == diff.Filled {
		m.Kind = profile.Seeded
	}
	return m
}

// urgent reports whether a folder belongs in the first profile. A folder with image content that is written only during the
// start (an entrypoint rewrites a configuration) is not urgent. Neither is a folder with changes of owners and modes only. A
// failed sealed run shows if they are needed.
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

// systemFolders are the folders of an operating system. None gets a seeded mount.
var systemFolders = []string{"/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/sbin", "/sys", "/usr", "/var"}

func systemFolder(p string) bool { return slices.Contains(systemFolders, p) }

// Volumes returns the image's VOLUME paths, clean, sorted and each once.
func Volumes(f image.Facts) []string {
	var out []string
	for v := range f.Config.Config.Volumes {
		out = append(out, path.Clean("/"+v))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// lowPorts returns the ports below 1024 that the application listened on or, if those are not known, that it exposes.
func lowPorts(in Input) []int {
	ports := slices.Clone(in.Open.Listening)
	if len(ports) == 0 {
		ports = slices.Clone(in.Target.Ports)
	}
	ports = append(ports, in.Facts.Exposed("udp")...) // the observation has TCP ports only
	slices.Sort(ports)
	ports = slices.Compact(ports)
	if in.Target.Pod != nil { // the containers of a pod share their ports: only the declared ones belong to this container for certain
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

// workingDir returns the directory that the application starts in; / if neither the target nor the image sets one.
func workingDir(in Input) string {
	for _, d := range []string{in.Target.WorkingDir, in.Facts.Config.Config.WorkingDir} {
		if d != "" {
			return path.Clean("/" + d)
		}
	}
	return "/"
}

// freeFolder returns a path that the image does not have: want, or want with a number.
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

// untracedWriter returns the reason for a folder that only untraced commands wrote: those that others than podseal executed in
// the container. It returns "" if the application wrote there.
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

// RelaxationsOf returns the IDs of the relaxations that a reason may be about. For a mount, that of the mount itself is first.
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

// Env returns the value of an environment variable for the application: the target's, else the image's, else "".
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

// CheckVolumes returns an error if no pod can mount a VOLUME of the image. A seal mounts every VOLUME. The API server rejects
// a mountPath with a colon, and nothing can be mounted on the root folder.
func CheckVolumes(f image.Facts) error {
	for _, v := range Volumes(f) {
		switch {
		case v == "/":
			return fmt.Errorf("it declares the root folder as a VOLUME, which no pod can mount: declare the written folders instead")
		case strings.ContainsAny(v, ":\x00"):
			return fmt.Errorf("it declares VOLUME %q, but Kubernetes rejects a mount path with a colon: rename the folder", v)
		}
	}
	return nil
}
