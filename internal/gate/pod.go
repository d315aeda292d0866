package gate

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/podspec"
	"github.com/podseal/podseal/internal/sealfile"
)

// pod compares what belongs to the whole pod with the seals of its containers.
func (c *comparison) pod(all []Sealed) {
	have, want := recordPod(c.Pod.Spec), wantPod(all)
	if !complete(all) { // the other containers may need what these do not
		have = only(have, want)
	}
	at := func(keys ...string) func() place {
		return func() place { return placeOf(c.Pod, c.Pod.Node, keys...) }
	}
	for _, f := range []struct {
		key        string
		have, want bool
	}{
		{"hostNetwork", have.HostNetwork, want.HostNetwork},
		{"hostPID", have.HostPID, want.HostPID},
		{"hostIPC", have.HostIPC, want.HostIPC},
		{"shareProcessNamespace", have.ShareProcess, want.ShareProcess},
	} {
		c.differs(at(f.key), f.key, fmt.Sprint(f.have), fmt.Sprint(f.want))
	}
	c.differs(at("securityContext", "supplementalGroups"), "supplementalGroups", listed(have.Groups), listed(want.Groups))
	c.differs(at("securityContext", "fsGroup"), "fsGroup", group(have.FSGroup), group(want.FSGroup))
	names := slices.Compact(slices.Sorted(slices.Values(append(sortedKeys(have.Sysctls), sortedKeys(want.Sysctls)...))))
	for _, name := range names {
		c.differs(at("securityContext", "sysctls"), "sysctl "+name, have.Sysctls[name], want.Sysctls[name])
	}
}

func group(id *int64) string {
	if id == nil {
		return ""
	}
	return strconv.FormatInt(*id, 10)
}

// wantPod returns the settings of a pod that the seals of its containers need together.
func wantPod(all []Sealed) sealfile.Pod {
	want := all[0].Seal.Manifest.Pod
	groups := slices.Clone(want.Groups)
	sysctls := map[string]string{}
	for _, s := range all {
		p := s.Seal.Profile
		groups = append(groups, p.User.Groups...)
		groups = append(groups, s.Seal.Manifest.Pod.Groups...)
		for name, value := range s.Seal.Manifest.Pod.Sysctls {
			sysctls[name] = value
		}
		if p.FSGroup != 0 {
			want.FSGroup = &p.FSGroup
		}
		for _, needed := range podspec.Sysctls(p.LowPorts, p.Ping) {
			sysctls[needed.Name] = needed.Value
		}
	}
	want.Groups, want.Sysctls = groups, sysctls
	return want
}

// complete reports whether every container of a pod is given, but those that a seal added.
func complete(all []Sealed) bool {
	given := map[string]bool{}
	for _, s := range all {
		given[s.Container.Name] = true
	}
	return !slices.ContainsFunc(all[0].Pod.Containers, func(c manifest.Container) bool { return !c.Seed() && !given[c.Name] })
}

// only returns the settings of a pod without the groups and sysctls that are not wanted, and without a group of its volumes
// if none is.
func only(have, want sealfile.Pod) sealfile.Pod {
	have.Groups = slices.DeleteFunc(slices.Clone(have.Groups), func(g int64) bool { return !slices.Contains(want.Groups, g) })
	if want.FSGroup == nil {
		have.FSGroup = nil
	}
	sysctls := map[string]string{}
	for name, value := range have.Sysctls {
		if _, wanted := want.Sysctls[name]; wanted {
			sysctls[name] = value
		}
	}
	have.Sysctls = sysctls
	return have
}
