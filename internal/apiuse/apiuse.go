// Package apiuse finds signs that a container uses the Kubernetes API.
//
// No run has a token, an API server or the variables by which a client finds one. A passing sealed run therefore shows
// that the e2e commands work without a token; it does not show that the application never asks for one. One sign that
// it does is enough to leave the pod its service account token.
package apiuse

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/target"
)

// tokenPath is where a pod finds its token: below /var/run or /run.
const tokenPath = "secrets/kubernetes.io/serviceaccount"

// phrases are regular expressions for what clients of the API print when they look for it, and for the names by which
// they are pointed to it. Case does not matter.
var phrases = []struct{ pattern, source string }{
	{`in-?cluster`, "the log of client-go (InClusterConfig), and of the clients that copy its words"},
	{regexp.QuoteMeta(tokenPath), "the path of the token in any error about it"},
	{`KUBERNETES_SERVICE_(HOST|PORT)`, "the variables by which a kubelet names the API server"},
	{`kubernetes\.default(\.svc)?\b`, "the DNS name of the API server"},
	{`\bkubeconfig\b`, "the file that names an API server outside of a pod, and the flags for it"},
}

var phrase = compile()

func compile() *regexp.Regexp {
	var all []string
	for _, p := range phrases {
		all = append(all, p.pattern)
	}
	return regexp.MustCompile("(?i)" + strings.Join(all, "|"))
}

// InRun returns a sign in what a container did in a run of the given name, as a sentence; "" if there is none.
func InRun(name string, o observe.Observation) string {
	if found := phrase.FindString(o.Logs); found != "" {
		return fmt.Sprintf("the log of the %s says %q", name, found)
	}
	for _, w := range o.Writes {
		if strings.Contains(w.Path, tokenPath) {
			return fmt.Sprintf("%s was touched in the %s", w.Path, name)
		}
	}
	return ""
}

// InTarget returns a sign in how a container is run.
func InTarget(t target.Target) string {
	for _, e := range t.Env {
		if phrase.MatchString(e.Name) {
			return "the container is given the variable " + e.Name
		}
	}
	for _, w := range slices.Concat(t.Entrypoint, t.Args) {
		if found := phrase.FindString(w); found != "" {
			return fmt.Sprintf("the container's command says %q", found)
		}
	}
	return ""
}

// InPod returns a sign in a pod's volumes: a token that it mounts itself. The pod may be nil.
func InPod(p *manifest.Pod) string {
	if p == nil {
		return ""
	}
	for _, v := range p.Spec.Volumes {
		if v.Projected == nil {
			continue
		}
		if slices.ContainsFunc(v.Projected.Sources, func(s corev1.VolumeProjection) bool { return s.ServiceAccountToken != nil }) {
			return "the pod's volume " + v.Name + " holds a service account token"
		}
	}
	return ""
}

// InRoles returns a role in the files that is bound to the default service account of a namespace. An empty namespace,
// of the pod or of a binding, may be any.
func InRoles(files []*manifest.File, namespace string) string {
	for _, f := range files {
		for _, o := range f.Objects {
			if strings.HasSuffix(o.Kind, "RoleBinding") && bindsDefault(o, namespace) {
				return fmt.Sprintf("%s %s in %s gives the default service account a role", o.Kind, o.Name, f.Name)
			}
		}
	}
	return ""
}

// bindsDefault reports whether a binding names the default service account. A binding that cannot be read binds nothing:
// the API server will refuse it.
func bindsDefault(o manifest.Object, namespace string) bool {
	var binding struct {
		Subjects []struct{ Kind, Name, Namespace string } `json:"subjects"`
	}
	var raw json.RawMessage
	if err := o.Decode(&raw); err != nil || json.Unmarshal(raw, &binding) != nil {
		return false
	}
	for _, s := range binding.Subjects {
		same := s.Namespace == "" || namespace == "" || s.Namespace == namespace
		group := s.Kind == "Group" && strings.HasPrefix(s.Name, "system:serviceaccounts")
		if s.Kind == "ServiceAccount" && s.Name == "default" && same || group {
			return true
		}
	}
	return false
}
