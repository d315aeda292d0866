package verify

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/probe"
)

// admit creates the objects that the pod needs, and tries the workload and its pod in dry runs: in the temporary namespace, and in
// the user's, whose quotas, limits and webhooks may be others. Refusals are in the result.
func (s *session) admit(ctx context.Context) error {
	if err := s.client.Require(ctx, s.connections()...); err != nil {
		return err
	}
	if err := s.companions(ctx); err != nil {
		return s.refused(err)
	}
	if s.Workload.Object != nil {
		if err := s.refused(s.namespace.Create(ctx, s.Workload.Object, true)); err != nil {
			return err
		}
	}
	_, err := s.namespace.CreatePod(ctx, s.Workload.Pod, true)
	if err := s.refused(err); err != nil {
		return err
	}
	if err := s.admitAtHome(ctx); err != nil {
		return err
	}
	s.decide()
	return nil
}

// connections returns the requests for commands and ports that the run will make.
func (s *session) connections() []kube.Access {
	var out []kube.Access
	need := func(subresource string) {
		out = append(out, kube.Access{Verb: "create", Resource: "pods", Subresource: subresource, Namespace: s.namespace.Name})
	}
	inside := s.Target.Ready.Exec != ""
	for _, c := range s.Target.Commands {
		inside = inside || c.Inside
	}
	if inside {
		need("exec")
	}
	if len(probe.Ports(s.Target)) > 0 {
		need("portforward")
	}
	return out
}

// companions creates the objects of the files, and the service account that none of them has.
func (s *session) companions(ctx context.Context) error {
	objects := s.Workload.Objects
	if s.Workload.Account != "" {
		account := &unstructured.Unstructured{}
		account.SetAPIVersion("v1")
		account.SetKind("ServiceAccount")
		account.SetName(s.Workload.Account)
		objects = append(objects, account)
	}
	for _, o := range objects {
		if o.GetKind() == "ServiceAccount" && o.GetName() == "default" {
			continue // the namespace has one
		}
		if err := s.namespace.Create(ctx, o, false); err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	return nil
}

// refused keeps a refusal for the result, and returns other errors.
func (s *session) refused(err error) error {
	refusal := new(kube.Refusal)
	if !errors.As(err, &refusal) {
		return err
	}
	if refusal.Kind == kube.NotPermitted {
		return err
	}
	s.result.refusals = append(s.result.refusals, refusal)
	return nil
}

// admitAtHome asks for the pod in the namespace where the workload belongs. A dry run changes nothing there.
func (s *session) admitAtHome(ctx context.Context) error {
	home := s.Workload.Namespace
	if home == "" || s.client.Named {
		home = s.client.Namespace
	}
	pod := s.Workload.Pod.DeepCopy()
	pod.Name, pod.GenerateName = "", "podseal-" // no name that is in use
	n := s.client.UseNamespace(home, s.namespace.RunID)
	_, err := n.CreatePod(ctx, pod, true)
	if lacksAccount(err) { // it is created together with the workload
		pod.Spec.ServiceAccountName, pod.Spec.DeprecatedServiceAccount = "", ""
		_, err = n.CreatePod(ctx, pod, true)
	}
	refusal := new(kube.Refusal)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return err
	case apierrors.IsNotFound(err):
		s.note("namespace %s does not exist: its quotas, limits and webhooks were not asked", home)
		return nil
	case errors.As(err, &refusal) && refusal.Kind == kube.NotPermitted:
		s.note("the user may not create pods in namespace %s: its quotas, limits and webhooks were not asked (see -n)", home)
		return nil
	}
	return s.refused(err)
}

func (s *session) note(format string, args ...any) {
	s.result.Notes = append(s.result.Notes, fmt.Sprintf(format, args...))
}

// lacksAccount reports whether a pod was refused since its service account does not exist. The API server has no other form
// for it (plugin/pkg/admission/serviceaccount).
func lacksAccount(err error) bool {
	status := new(apierrors.StatusError)
	return errors.As(err, &status) && status.Status().Reason == metav1.StatusReasonForbidden &&
		strings.Contains(status.Status().Message, "error looking up service account")
}

// decide sets the verdict of a workload that was refused.
func (s *session) decide() {
	seen := map[Difference]bool{}
	for _, r := range s.result.refusals {
		for _, field := range fieldsOf(r) {
			d := Difference{Source: Setting, Subject: field, Text: r.Error()}
			if !seen[d] {
				seen[d] = true
				s.result.Differences = append(s.result.Differences, d)
			}
		}
	}
	if len(s.result.refusals) > 0 {
		s.result.Verdict, s.result.Failure = Refused, s.result.refusals[0].Error()
	}
}

// The fields in the API server's sentences about refusals, where the status has none.
var (
	// securityField matches "(container \"web\" must set securityContext.allowPrivilegeEscalation=false)" of Pod Security.
	securityField = regexp.MustCompile(`must (?:not )?set ([A-Za-z.]+)`)
	// quotaField matches "must specify limits.memory for: web" and "requested: limits.memory=1Gi,pods=1, used:" of quotas.
	quotaField = regexp.MustCompile(`must specify ([a-z.,-]+) for|requested: ([^ ]+), used`)
	// unknownField matches "strict decoding error: unknown field \"spec.containers[0].imag\"".
	unknownField = regexp.MustCompile(`(?:unknown|duplicate) field "([^"]+)"`)
	// limitField matches "maximum memory usage per Container is 64Mi, but limit is 1Gi" of limit ranges.
	limitField = regexp.MustCompile(`(minimum|maximum) ([a-z-]+) (?:usage|limit) per (\w+)`)
)

// fieldsOf returns the fields that a refusal blames; one empty word where they are not known.
func fieldsOf(r *kube.Refusal) []string {
	if len(r.Fields) > 0 {
		return r.Fields
	}
	var out []string
	add := func(field string) {
		for _, f := range out {
			if f == field {
				return
			}
		}
		out = append(out, field)
	}
	switch r.Kind {
	case kube.Invalid:
		for _, m := range unknownField.FindAllStringSubmatch(r.Text, -1) {
			add(m[1])
		}
	case kube.PodSecurity:
		for _, m := range securityField.FindAllStringSubmatch(r.Text, -1) {
			add(m[1])
		}
	case kube.Quota:
		for _, m := range quotaField.FindAllStringSubmatch(r.Text, -1) {
			for name := range strings.SplitSeq(m[1]+m[2], ",") {
				add(resourceField(name))
			}
		}
	case kube.Limits:
		for _, m := range limitField.FindAllStringSubmatch(r.Text, -1) {
			side := "limits."
			if m[1] == "minimum" {
				side = "requests."
			}
			add("resources." + side + m[2])
		}
	}
	if len(out) == 0 {
		out = []string{""}
	}
	return out
}

// resourceField returns the field of a quota's resource: "limits.memory=1Gi" is "resources.limits.memory", "pods=1" is itself.
func resourceField(name string) string {
	name, _, _ = strings.Cut(name, "=")
	for _, kind := range []corev1.ResourceName{"limits.", "requests."} {
		if strings.HasPrefix(name, string(kind)) {
			return "resources." + name
		}
	}
	return name
}
