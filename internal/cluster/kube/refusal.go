package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Access is one request to the API server, as RBAC names it.
type Access struct {
	Verb        string
	Group       string // API group; empty for the core
	Resource    string
	Subresource string
	Namespace   string // empty for the whole cluster
}

// String returns the request as a rule of RBAC would name it: "create pods/exec in namespace web".
func (a Access) String() string {
	s := a.Verb + " " + a.Resource
	if a.Subresource != "" {
		s += "/" + a.Subresource
	}
	if a.Group != "" {
		s += " of " + a.Group
	}
	if a.Namespace != "" {
		s += " in namespace " + a.Namespace
	}
	return s
}

// RefusalKind is who refused a request.
type RefusalKind string

// The kinds of refusals.
const (
	// NotPermitted is a request that the user has no right to.
	NotPermitted RefusalKind = "rbac"
	// PodSecurity is a pod that the level of its namespace forbids.
	PodSecurity RefusalKind = "pod security"
	// Webhook is an admission webhook or policy of the cluster.
	Webhook RefusalKind = "webhook"
	// Quota is a ResourceQuota.
	Quota RefusalKind = "quota"
	// Limits is a LimitRange.
	Limits RefusalKind = "limit range"
	// Invalid is an object that breaks the rules of the API.
	Invalid RefusalKind = "invalid"
	// Other is any other admission plugin.
	Other RefusalKind = "admission"
)

// Refusal is a request that the API server refused.
type Refusal struct {
	Kind   RefusalKind
	Access Access
	By     string   // name of the webhook, the policy or the quota; empty for others
	Fields []string // the fields to blame, where they are known: "spec.containers[0].securityContext"
	Text   string   // the API server's own reason
	Err    error
}

// Error returns one sentence with what to do.
func (e *Refusal) Error() string {
	switch e.Kind {
	case NotPermitted:
		return fmt.Sprintf("the cluster refuses to %s: the user has no right to it: add it to the user's role (docs/cluster.md lists the rights)", e.Access)
	case PodSecurity:
		return fmt.Sprintf("Pod Security forbids the pod in namespace %s: %s", e.Access.Namespace, e.Text)
	case Webhook:
		return fmt.Sprintf("admission webhook or policy %s refuses to %s: %s", e.By, e.Access, e.Text)
	case Quota:
		return fmt.Sprintf("quota %s refuses to %s: %s", e.By, e.Access, e.Text)
	case Limits:
		return fmt.Sprintf("a LimitRange refuses to %s: %s", e.Access, e.Text)
	}
	return fmt.Sprintf("the cluster refuses to %s: %s", e.Access, e.Text)
}

// Unwrap returns the error of client-go.
func (e *Refusal) Unwrap() error { return e.Err }

// refused returns a *Refusal for an error by which the API server refuses a request, and other errors with the request in
// their text. A nil error stays nil.
func (c *Client) refused(ctx context.Context, err error, a Access) error {
	var status *apierrors.StatusError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", a, context.Cause(ctx))
	case !errors.As(err, &status):
		return fmt.Errorf("%s: the API server at %s: %w", a, c.Config.Host, err)
	}
	if d := status.Status().Details; apierrors.IsNotFound(err) && d != nil && d.Kind == "namespaces" && a.Verb == "create" {
		return fmt.Errorf("%s: the namespace does not exist: create it, or name another one: %w", a, err)
	}
	r := classify(status.Status(), a)
	if r == nil {
		return fmt.Errorf("%s: %w", a, err)
	}
	if r.Err = err; r.Kind == Other && c.lacks(ctx, a) {
		r.Kind = NotPermitted
	}
	return r
}

// lacks reports whether the user has no right to a request. The API server words such a refusal like that of an admission
// plugin, with the same code.
func (c *Client) lacks(ctx context.Context, a Access) bool {
	review, err := c.API.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: a.Namespace, Verb: a.Verb, Group: a.Group, Resource: a.Resource, Subresource: a.Subresource,
		}},
	}, metav1.CreateOptions{})
	return err == nil && !review.Status.Allowed
}

// refusals are the API server's sentences about refusals, which have no other form. The first group is the name of what
// refuses, the last one the reason. Sources: pod-security-admission/admission, apiserver/pkg/admission/plugin (webhook,
// policy/validating, resourcequota), plugin/pkg/admission/limitranger.
var refusals = []struct {
	kind RefusalKind
	form *regexp.Regexp
}{
	{PodSecurity, regexp.MustCompile(`(?s)violates PodSecurity "([^"]*)": (.*)`)},
	{Webhook, regexp.MustCompile(`(?s)admission webhook "([^"]*)" denied the request(?:: (.*)| without explanation)`)},
	{Webhook, regexp.MustCompile(`(?s)ValidatingAdmissionPolicy '([^']*)'.* denied request: (.*)`)},
	{Webhook, regexp.MustCompile(`(?s)failed calling webhook "([^"]*)": (.*)`)},
	{Quota, regexp.MustCompile(`(?s)((?:exceeded|failed) quota: ([^,:]*).*)`)},
	{Limits, regexp.MustCompile(`(?s)()((?:minimum|maximum) (?:memory|cpu|storage|ephemeral-storage|\S+) (?:usage|limit) per \S+ is .*)`)},
	{Limits, regexp.MustCompile(`(?s)()(\S+ max limit to request ratio per \S+ is .*)`)},
}

// classify returns who refused a request; nil if it was not refused.
func classify(s metav1.Status, a Access) *Refusal {
	if s.Code != http.StatusForbidden && s.Code != http.StatusUnprocessableEntity && s.Code != http.StatusBadRequest &&
		!strings.Contains(s.Message, "webhook") {
		return nil
	}
	r := &Refusal{Kind: Other, Access: a, Text: s.Message}
	if s.Details != nil {
		for _, cause := range s.Details.Causes {
			if cause.Field != "" {
				r.Fields = append(r.Fields, cause.Field)
			}
		}
	}
	for _, f := range refusals {
		m := f.form.FindStringSubmatch(s.Message)
		if m == nil {
			continue
		}
		r.Kind, r.By, r.Text = f.kind, m[1], m[2]
		if f.kind == Quota {
			r.By, r.Text = m[2], m[1]
		}
		return r
	}
	if s.Reason == metav1.StatusReasonInvalid || s.Code == http.StatusBadRequest {
		r.Kind = Invalid
	}
	return r
}

// IsRefusal reports whether an error is, or wraps, a *Refusal.
func IsRefusal(err error) bool {
	r := new(Refusal)
	return errors.As(err, &r)
}
