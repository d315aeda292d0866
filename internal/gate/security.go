package gate

import (
	"fmt"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/podspec"
)

// security compares the securityContext of a container, or of the init container of one of its mounts, with the profile. The
// prefix starts the names of the fields.
func (c *comparison) security(of manifest.Container, prefix string) {
	own, pod := of.SecurityContext, c.Pod.Spec.SecurityContext
	if own == nil {
		own = &corev1.SecurityContext{}
	}
	if pod == nil {
		pod = &corev1.PodSecurityContext{}
	}
	p := c.Seal.Profile
	at := func(key string, ownHas bool) func() place {
		return func() place {
			if !ownHas {
				if inPod := placeOf(c.Pod, c.Pod.Node, "securityContext", key); inPod != placeOf(c.Pod, c.Pod.Node, "securityContext") {
					return inPod
				}
			}
			return placeOf(c.Pod, of.Node, "securityContext", key)
		}
	}
	compare := func(key string, ownHas bool, have, want string) {
		if inherited := !ownHas && prefix != "" && !c.overrides(key); !inherited { // the container itself has the difference
			c.differs(at(key, ownHas), prefix+key, have, want)
		}
	}
	compare("runAsUser", own.RunAsUser != nil, id(own.RunAsUser, pod.RunAsUser), strconv.FormatInt(p.User.UID, 10))
	compare("runAsGroup", own.RunAsGroup != nil, id(own.RunAsGroup, pod.RunAsGroup), strconv.FormatInt(p.User.GID, 10))
	nonRoot := own.RunAsNonRoot
	if nonRoot == nil {
		nonRoot = pod.RunAsNonRoot
	}
	compare("runAsNonRoot", own.RunAsNonRoot != nil, truth(nonRoot, false), fmt.Sprint(p.User.UID != 0))
	compare("readOnlyRootFilesystem", true, truth(own.ReadOnlyRootFilesystem, false), fmt.Sprint(!p.WritableRoot))
	compare("allowPrivilegeEscalation", true, truth(own.AllowPrivilegeEscalation, true), fmt.Sprint(p.AllowPrivilegeEscalation))
	compare("privileged", true, truth(own.Privileged, false), "false")
	compare("procMount", true, procMount(own.ProcMount), string(corev1.DefaultProcMount))
	compare("seccompProfile", own.SeccompProfile != nil, seccompText(seccomp(pod, own)), c.wantSeccomp())
	drop, add := capabilities(own.Capabilities)
	compare("capabilities", true, drop+add, "drop ALL"+addText(p.AddCapabilities))
}

// overrides reports whether the container has a field itself that its pod can have for all containers.
func (c *comparison) overrides(key string) bool {
	own := c.Container.SecurityContext
	if own == nil {
		return false
	}
	return map[string]bool{
		"runAsUser": own.RunAsUser != nil, "runAsGroup": own.RunAsGroup != nil, "runAsNonRoot": own.RunAsNonRoot != nil,
		"seccompProfile": own.SeccompProfile != nil,
	}[key]
}

// wantSeccomp returns the seccomp profile that the seal has, as seccompText words it.
func (c *comparison) wantSeccomp() string {
	if local := c.Seal.Manifest.Seccomp; local != "" {
		return "Localhost " + local
	}
	return string(corev1.SeccompProfileTypeRuntimeDefault)
}

func seccompText(p *corev1.SeccompProfile) string {
	switch {
	case p == nil:
		return ""
	case p.LocalhostProfile != nil:
		return string(p.Type) + " " + *p.LocalhostProfile
	}
	return string(p.Type)
}

// capabilities words the capabilities of a container. All others are dropped with ALL, so that they are not named.
func capabilities(c *corev1.Capabilities) (drop, add string) {
	if c == nil {
		return "", ""
	}
	switch {
	case slices.Contains(c.Drop, "ALL"):
		drop = "drop ALL"
	case len(c.Drop) > 0:
		drop = "drop " + listed(c.Drop)
	default:
		drop = "drop none"
	}
	return drop, addText(c.Add)
}

func addText[T ~string](names []T) string {
	if len(names) == 0 {
		return ""
	}
	return ", add " + listed(names)
}

// id words the id that counts: the container's own, else its pod's.
func id(own, pod *int64) string {
	switch {
	case own != nil:
		return strconv.FormatInt(*own, 10)
	case pod != nil:
		return strconv.FormatInt(*pod, 10)
	}
	return ""
}

// truth words a boolean that may be missing.
func truth(b *bool, missing bool) string {
	if b == nil {
		return fmt.Sprint(missing)
	}
	return fmt.Sprint(*b)
}

func procMount(t *corev1.ProcMountType) string {
	if t == nil {
		return string(corev1.DefaultProcMount)
	}
	return string(*t)
}

// env compares the variables that the profile sets. Of several with one name the last counts.
func (c *comparison) env() {
	for _, name := range sortedKeys(c.Seal.Profile.Env) {
		want := podspec.Literals([]string{c.Seal.Profile.Env[name]})[0]
		have, at := "", c.at("env")
		for i, v := range c.Container.Env {
			if v.Name != name {
				continue
			}
			have, at = v.Value, func() place { return itemPlace(c.Pod, c.Container.Node, "env", i) }
			if v.ValueFrom != nil {
				have = "taken from elsewhere"
			}
		}
		c.differs(at, "env "+name, have, want)
	}
}
