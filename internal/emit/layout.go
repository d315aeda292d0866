package emit

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/profile"
)

// seeding says what the init containers run.
type seeding struct {
	profile.Seeding
	image string // of the container that is sealed
	// pullPolicy is the container's own, which its init containers share with the image.
	pullPolicy string
}

// layout is what one profile adds to a pod for its mounts.
type layout struct {
	volumes []any // items of spec.volumes
	mounts  []any // items of the container's volumeMounts
	seeds   []any // items of spec.initContainers
}

// layOut gives each mount a volume, its place in the container, and where it does not start empty an init container.
// The names that it hands out are taken in volumes and containers.
func layOut(mounts []profile.Mount, s seeding, security object, volumes, containers nameSet) (layout, error) {
	var l layout
	imageVolume := ""
	for _, m := range slices.SortedFunc(slices.Values(mounts), func(a, b profile.Mount) int { return cmp.Compare(a.Path, b.Path) }) {
		if err := checkMountPath(m.Path); err != nil {
			return layout{}, err
		}
		name := volumes.take(VolumeName(m.Path))
		l.volumes = append(l.volumes, object{{"name", name}, {"emptyDir", emptyDir(m)}})
		mount := object{{"name", name}, {"mountPath", m.Path}}
		if !m.NeedsInit() {
			l.mounts = append(l.mounts, mount)
			continue
		}
		if m.Kind == profile.Seeded && s.ImageVolume && imageVolume == "" {
			imageVolume = volumes.take("image")
			l.volumes = append(l.volumes, object{{"name", imageVolume}, {"image", object{{"reference", s.image}}}})
		}
		l.mounts = append(l.mounts, append(mount, field{"subPath", profile.SeedSubPath}))
		seed, err := seedContainer(m, name, imageVolume, s, security, containers)
		if err != nil {
			return layout{}, err
		}
		l.seeds = append(l.seeds, seed)
	}
	return l, nil
}

// seedContainer is the init container that makes, and for a seeded mount fills, the folder that the container gets.
func seedContainer(m profile.Mount, volume, imageVolume string, s seeding, security object, names nameSet) (object, error) {
	at := m.SeedVolumePath()
	mounts := []any{object{{"name", volume}, {"mountPath", at}}}
	if m.Kind == profile.Seeded && s.ImageVolume {
		if s.Image == "" {
			return nil, fmt.Errorf("seeding %s from an image volume: no image with a shell is named for the init container", m.Path)
		}
		mounts = append(mounts, object{{"name", imageVolume}, {"mountPath", profile.SeedImagePath}, {"readOnly", true}})
	}
	image := cmp.Or(s.Image, s.image)
	if image == "" {
		return nil, fmt.Errorf("making %s with an init container: the container names no image for it", m.Path)
	}
	seed := object{{"name", names.take(seedName(m.Path))}, {"image", image}}
	if s.pullPolicy != "" {
		seed = append(seed, field{"imagePullPolicy", s.pullPolicy})
	}
	return append(seed,
		field{"command", list(s.command(m))},
		field{"securityContext", security},
		field{"volumeMounts", mounts}), nil
}

// command is the command of an init container as a manifest has it.
func (s seeding) command(m profile.Mount) []string { return literalWords(s.Command(m)) }

// seedName is the name of the init container for a mount: "seed-etc-nginx-conf-d".
func seedName(path string) string { return label(path, manifest.SeedPrefix, "volume") }

func emptyDir(m profile.Mount) object {
	var o object
	if m.Medium != profile.Disk {
		o = append(o, field{"medium", string(m.Medium)})
	}
	if m.SizeLimit > 0 {
		o = append(o, field{"sizeLimit", resource.NewQuantity(m.SizeLimit, resource.BinarySI).String()})
	}
	return o
}

// checkMountPath refuses what Kubernetes, or the runtimes below it, would refuse or misread.
func checkMountPath(at string) error {
	switch {
	case !path.IsAbs(at) || path.Clean(at) != at:
		return fmt.Errorf("mounting %q: not a clean absolute path", at)
	case at == "/":
		return fmt.Errorf("mounting %q: the root folder cannot be a mount", at)
	case strings.ContainsAny(at, ":\x00"):
		return fmt.Errorf("mounting %q: Kubernetes takes no colon in a mount path", at)
	}
	return nil
}

// containerSecurity are the fields that exist on containers only, and runAsNonRoot.
func containerSecurity(p profile.Profile) object {
	drop := object{{"drop", []any{"ALL"}}}
	if len(p.AddCapabilities) > 0 {
		drop = append(drop, field{"add", list(p.AddCapabilities)})
	}
	o := object{}
	if p.User.UID != 0 {
		o = append(o, field{"runAsNonRoot", true})
	}
	if !p.WritableRoot {
		o = append(o, field{"readOnlyRootFilesystem", true})
	}
	if !p.AllowPrivilegeEscalation {
		o = append(o, field{"allowPrivilegeEscalation", false})
	}
	return append(o, field{"capabilities", drop})
}

// userSecurity are the fields of user and seccomp, which a pod can hold for all its containers.
func userSecurity(p profile.Profile) object {
	o := object{}
	if p.User.UID != 0 {
		o = append(o, field{"runAsNonRoot", true})
	}
	return append(o,
		field{"runAsUser", p.User.UID},
		field{"runAsGroup", p.User.GID},
		field{"seccompProfile", object{{"type", "RuntimeDefault"}}})
}

// The sysctls of a pod that a profile may need, which every node allows by default.
const (
	lowPortsSysctl = "net.ipv4.ip_unprivileged_port_start"
	pingSysctl     = "net.ipv4.ping_group_range"
	pingGroups     = "0 2147483647"
)

// sysctl is one of a pod.
type sysctl struct{ name, value string }

// sysctls are what a pod needs.
func sysctls(lowPorts, ping bool) []sysctl {
	var out []sysctl
	if lowPorts {
		out = append(out, sysctl{lowPortsSysctl, "0"})
	}
	if ping {
		out = append(out, sysctl{pingSysctl, pingGroups})
	}
	return out
}

func (s sysctl) item() object { return object{{"name", s.name}, {"value", s.value}} }

func sysctlItems(all []sysctl) []any {
	out := make([]any, len(all))
	for i, s := range all {
		out[i] = s.item()
	}
	return out
}

// podSecurity is the securityContext of a pod with one container.
func podSecurity(p profile.Profile) object {
	o := userSecurity(p)
	if len(p.User.Groups) > 0 {
		o = append(o, field{"supplementalGroups", list(p.User.Groups)})
	}
	if p.FSGroup != 0 {
		o = append(o, field{"fsGroup", p.FSGroup})
	}
	return appendList(o, "sysctls", sysctlItems(sysctls(p.LowPorts, p.Ping)))
}

// envItems are a profile's own variables, sorted by name.
func envItems(env map[string]string) []any {
	var items []any
	for _, name := range slices.Sorted(maps.Keys(env)) {
		items = append(items, object{{"name", name}, {"value", literal(env[name])}})
	}
	return items
}

// literal protects a value from the expansion of $(NAME), which Kubernetes does in command, args and env and an engine
// does not.
func literal(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if s[i] == '$' && i+1 < len(s) && (s[i+1] == '$' || s[i+1] == '(') {
			b.WriteByte('$')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// literalWords protects each of some words.
func literalWords(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = literal(w)
	}
	return out
}

// list makes the items of a sequence from a slice.
func list[T string | int64](from []T) []any {
	items := make([]any, len(from))
	for i, v := range from {
		items[i] = v
	}
	return items
}
