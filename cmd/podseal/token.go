package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/manifest"
)

// What podseal knows of the API's use. The open and the sealed run have no token, no API server and none of the
// variables by which a client finds one. So a passing sealed run shows that what the e2e commands reach works without a
// token; it does not show that nothing asks for one when it is there. Signs of that are looked for, and one is enough.

// tokenPath is where a pod finds its token, on whatever way to it.
const tokenPath = "secrets/kubernetes.io/serviceaccount"

// apiSign matches what clients of the API print when they look for it, and what tells them where it is.
var apiSign = regexp.MustCompile(`(?i)in-cluster|incluster|` + regexp.QuoteMeta(tokenPath) +
	`|KUBERNETES_SERVICE_(HOST|PORT)|kubernetes\.default(\.svc)?\b|\bkubeconfig\b`)

const noAPIUse = "the sealed run had no token and passed, and nothing asked for the API; --keep-token leaves the token"

// tokenUse tells whether something showed, or the user says, that a container uses the API, and what.
func (o *deliverOptions) tokenUse(inputs []sealedInput, c sealedContainer) (why string, used bool) {
	if o.keepToken {
		return "--keep-token was given", true
	}
	for _, sign := range []string{c.saidSign(), c.toldSign(), c.podSign(), boundSign(inputs, c)} {
		if sign != "" {
			return sign, true
		}
	}
	return noAPIUse, false
}

// saidSign is a sign in what the container did in any run.
func (c sealedContainer) saidSign() string {
	for _, round := range c.res.Rounds {
		if found := apiSign.FindString(round.Observation.Logs); found != "" {
			return fmt.Sprintf("the log of the %s says %q", round.Name, found)
		}
		for _, w := range round.Observation.Writes {
			if strings.Contains(w.Path, tokenPath) {
				return fmt.Sprintf("%s was touched in the %s", w.Path, round.Name)
			}
		}
	}
	return ""
}

// toldSign is a sign in how the container is run.
func (c sealedContainer) toldSign() string {
	t := c.res.Target
	for _, e := range t.Env {
		if apiSign.MatchString(e.Name) {
			return "the container is given the variable " + e.Name
		}
	}
	for _, w := range slices.Concat(t.Entrypoint, t.Args) {
		if found := apiSign.FindString(w); found != "" {
			return fmt.Sprintf("the container's command says %q", found)
		}
	}
	return ""
}

// podSign is a sign in the pod's volumes: a token that it mounts by itself.
func (c sealedContainer) podSign() string {
	if c.pod == nil {
		return ""
	}
	for _, v := range c.pod.Spec.Volumes {
		if v.Projected == nil {
			continue
		}
		if slices.ContainsFunc(v.Projected.Sources, func(s corev1.VolumeProjection) bool { return s.ServiceAccountToken != nil }) {
			return "the pod's volume " + v.Name + " holds a service account token"
		}
	}
	return ""
}

// boundSign is a role in the input that is bound to the service account which the pod gets.
func boundSign(inputs []sealedInput, c sealedContainer) string {
	if c.pod == nil {
		return ""
	}
	for _, in := range inputs {
		if in.file == nil {
			continue
		}
		for _, o := range in.file.Objects {
			if strings.HasSuffix(o.Kind, "RoleBinding") && bindsDefault(o, c.pod.Namespace) {
				return fmt.Sprintf("%s %s in %s gives the default service account a role", o.Kind, o.Name, in.file.Name)
			}
		}
	}
	return ""
}

func bindsDefault(o manifest.Object, namespace string) bool {
	var binding struct {
		Subjects []struct{ Kind, Name, Namespace string } `json:"subjects"`
	}
	var raw json.RawMessage
	if err := o.Decode(&raw); err != nil || json.Unmarshal(raw, &binding) != nil {
		return false // what it binds is not known: kubectl will refuse it
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
