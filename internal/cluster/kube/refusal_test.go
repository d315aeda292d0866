package kube

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// TestMissingNamespace: a pod in a namespace that does not exist.
func TestMissingNamespace(t *testing.T) {
	t.Parallel()
	err := (&Client{}).refused(t.Context(), apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "web"), Access{Verb: "create", Resource: "pods", Namespace: "web"})
	if err == nil || !strings.Contains(err.Error(), "the namespace does not exist: create it, or name another one") {
		t.Errorf("got %v", err)
	}
}

// TestClassify: the sentences are those of API servers of the versions 1.29 to 1.37.
func TestClassify(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		code    int32
		reason  metav1.StatusReason
		message string
		fields  []string
		kind    RefusalKind
		by      string
		text    string
	}{
		"pod security": {
			code: http.StatusForbidden, kind: PodSecurity, by: "restricted:latest", text: `allowPrivilegeEscalation != false (container "web" must set securityContext.allowPrivilegeEscalation=false)`,
			message: `pods "web" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "web" must set securityContext.allowPrivilegeEscalation=false)`,
		},
		"webhook": {
			code: http.StatusBadRequest, kind: Webhook, by: "images.example.com", text: "no latest",
			message: `admission webhook "images.example.com" denied the request: no latest`,
		},
		"webhook without a reason": {
			code: http.StatusForbidden, kind: Webhook, by: "images.example.com",
			message: `admission webhook "images.example.com" denied the request without explanation`,
		},
		"webhook that is down": {
			code: http.StatusInternalServerError, kind: Webhook, by: "images.example.com", text: "Post \"https://x/\": connection refused",
			message: `Internal error occurred: failed calling webhook "images.example.com": Post "https://x/": connection refused`,
		},
		"policy": {
			code: http.StatusUnprocessableEntity, kind: Webhook, by: "registry", text: "images come from example.com",
			message: `pods "web" is forbidden: ValidatingAdmissionPolicy 'registry' with binding 'all' denied request: images come from example.com`,
		},
		"quota": {
			code: http.StatusForbidden, kind: Quota, by: "small", text: "exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1",
			message: `pods "web" is forbidden: exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1`,
		},
		"quota that needs limits": {
			code: http.StatusForbidden, kind: Quota, by: "small", text: "failed quota: small: must specify limits.memory for: web",
			message: `pods "web" is forbidden: failed quota: small: must specify limits.memory for: web`,
		},
		"limit range": {
			code: http.StatusForbidden, kind: Limits, text: "maximum memory usage per Container is 1Gi, but limit is 2Gi",
			message: `pods "web" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi`,
		},
		"invalid": {
			code: http.StatusUnprocessableEntity, reason: metav1.StatusReasonInvalid, kind: Invalid, fields: []string{"spec.containers[0].name"},
			message: `Pod "web" is invalid: spec.containers[0].name: Invalid value: "A"`, text: `Pod "web" is invalid: spec.containers[0].name: Invalid value: "A"`,
		},
		"other": {
			code: http.StatusForbidden, kind: Other, message: `pods "web" is forbidden: x`, text: `pods "web" is forbidden: x`,
		},
	} {
		s := metav1.Status{Code: tt.code, Reason: tt.reason, Message: tt.message}
		if tt.fields != nil {
			s.Details = &metav1.StatusDetails{}
			for _, f := range tt.fields {
				s.Details.Causes = append(s.Details.Causes, metav1.StatusCause{Field: f})
			}
		}
		r := classify(s, Access{Verb: "create", Resource: "pods", Namespace: "n"})
		if r == nil || r.Kind != tt.kind || r.By != tt.by || r.Text != tt.text || !slices.Equal(r.Fields, tt.fields) {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if r := classify(metav1.Status{Code: http.StatusNotFound, Message: "no"}, Access{}); r != nil {
		t.Errorf("a missing object is no refusal: %+v", r)
	}
}

func TestAccessText(t *testing.T) {
	t.Parallel()
	for want, a := range map[string]Access{
		"create namespaces":                 {Verb: "create", Resource: "namespaces"},
		"create pods/exec in namespace web": {Verb: "create", Resource: "pods", Subresource: "exec", Namespace: "web"},
		"list nodes of metrics.k8s.io":      {Verb: "list", Group: "metrics.k8s.io", Resource: "nodes"},
	} {
		if got := a.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
