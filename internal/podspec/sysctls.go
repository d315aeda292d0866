package podspec

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/tree"
)

// The sysctls of a pod that a profile may need. Every node allows them by default.
const (
	LowPortsSysctl = "net.ipv4.ip_unprivileged_port_start"
	PingSysctl     = "net.ipv4.ping_group_range"
	PingGroups     = "0 2147483647" // all groups, as the value of PingSysctl
)

// Sysctls returns the sysctls that a pod needs, so that users may open ports below 1024 or send ICMP echoes.
func Sysctls(lowPorts, ping bool) []corev1.Sysctl {
	var out []corev1.Sysctl
	if lowPorts {
		out = append(out, corev1.Sysctl{Name: LowPortsSysctl, Value: "0"})
	}
	if ping {
		out = append(out, corev1.Sysctl{Name: PingSysctl, Value: PingGroups})
	}
	return out
}

func sysctlItem(s corev1.Sysctl) tree.Object {
	return tree.Object{{Key: "name", Value: s.Name}, {Key: "value", Value: s.Value}}
}

// editSysctls sets the values of the sysctls that a pod has, and adds the others.
func editSysctls(have, needed []corev1.Sysctl) tree.Items {
	var edit tree.Items
	for _, s := range needed {
		at := -1
		for i, h := range have {
			if h.Name == s.Name {
				at = i
			}
		}
		switch {
		case at < 0:
			edit.Append = append(edit.Append, sysctlItem(s))
		case have[at].Value != s.Value:
			edit.Change(at, tree.Object{{Key: "value", Value: s.Value}})
		}
	}
	return edit
}
