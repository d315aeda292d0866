// Package workload turns the workload of a manifest into what runs in a temporary namespace: its pod once, whatever the number of
// replicas, and the objects of the same files that the pod refers to. It takes and returns values.
package workload

import (
	"cmp"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/podseal/podseal/internal/manifest"
)

// Workload is what runs in a cluster.
type Workload struct {
	Name      string // how messages name it: "Deployment web"
	Namespace string // that the manifest names; empty if it names none
	// Object is the whole workload, for a dry run; nil where the pod is part of an object of another shape.
	Object *unstructured.Unstructured
	Pod    *corev1.Pod
	// Objects are the ConfigMaps, Secrets, Services, service accounts and, where claims are kept, the claims.
	Objects []*unstructured.Unstructured
	// Account is the service account of the pod that no file has; "" if there is none.
	Account string
	// PullSecrets are the pull secrets of the pod that no file has.
	PullSecrets []string
	// Completes is set for a pod that runs to its end.
	Completes bool
	// Notes are the differences between this pod and that of the workload, one sentence each.
	Notes []string
}

// Options are the settings of Build.
type Options struct {
	// KeepClaims creates the claims of the files and of a StatefulSet's templates instead of emptyDirs.
	KeepClaims bool
}

// companions are the kinds of the core group that come with a pod.
var companions = []string{"ConfigMap", "Secret", "Service", "ServiceAccount"}

// maxGrace bounds how long the pod may take to stop.
const maxGrace = 10

// Build returns the workload of a pod. The files are all that were read: objects of the pod's namespace come along.
func Build(p *manifest.Pod, files []*manifest.File, o Options) (*Workload, error) {
	w := &Workload{Name: p.String(), Namespace: p.Namespace, Completes: p.Kind == "Job" || p.Kind == "CronJob"}
	if err := w.readObject(p); err != nil {
		return nil, err
	}
	if err := w.addCompanions(p, files, o); err != nil {
		return nil, err
	}
	w.Pod = &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Name: podName(p), Labels: p.Meta.Labels, Annotations: p.Meta.Annotations},
		Spec:       *p.Spec.DeepCopy(),
	}
	w.prepareSpec(p)
	w.placeClaims(p, o)
	return w, nil
}

// readObject keeps the whole object where the API server's own kinds are its shape.
func (w *Workload) readObject(p *manifest.Pod) error {
	if !p.BuiltIn() || p.Kind == "PodTemplate" {
		return nil
	}
	content := map[string]any{}
	if err := p.DecodeObject(&content); err != nil {
		return err
	}
	w.Object = &unstructured.Unstructured{Object: content}
	unbind(w.Object)
	return nil
}

// unbind removes what ties an object to the cluster that it was read from.
func unbind(o *unstructured.Unstructured) {
	for _, field := range []string{"namespace", "ownerReferences", "finalizers", "resourceVersion", "uid", "creationTimestamp", "managedFields", "generation"} {
		unstructured.RemoveNestedField(o.Object, "metadata", field)
	}
	unstructured.RemoveNestedField(o.Object, "status")
	if o.GetKind() == "Service" { // another cluster's address
		unstructured.RemoveNestedField(o.Object, "spec", "clusterIP")
		unstructured.RemoveNestedField(o.Object, "spec", "clusterIPs")
	}
	if o.GetKind() == "PersistentVolumeClaim" {
		unstructured.RemoveNestedField(o.Object, "spec", "volumeName")
	}
}

// podName returns the name that a controller would give the pod, where it is known before.
func podName(p *manifest.Pod) string {
	const most = 53
	name := cmp.Or(p.Name, "pod")
	name = name[:min(len(name), most)]
	switch {
	case p.Kind == "StatefulSet":
		return name + "-0"
	case p.Kind == "Pod" && !p.Generated:
		return name
	}
	return name + "-podseal"
}

// prepareSpec sets what a pod without its controller needs.
func (w *Workload) prepareSpec(p *manifest.Pod) {
	s := &w.Pod.Spec
	if p.Kind == "StatefulSet" {
		s.Hostname = cmp.Or(s.Hostname, w.Pod.Name)
	}
	if w.Completes {
		s.RestartPolicy = corev1.RestartPolicyNever // the first exit decides
	}
	if s.TerminationGracePeriodSeconds == nil || *s.TerminationGracePeriodSeconds > maxGrace {
		grace := int64(maxGrace)
		s.TerminationGracePeriodSeconds = &grace
	}
	if s.NodeName != "" {
		s.NodeName = ""
		w.note("the pod's nodeName is left out: the scheduler chooses the node")
	}
}

func (w *Workload) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(w.Notes, text) {
		w.Notes = append(w.Notes, text)
	}
}

// addCompanions takes the objects of the files that are in the pod's namespace.
func (w *Workload) addCompanions(p *manifest.Pod, files []*manifest.File, o Options) error {
	kinds := companions
	if o.KeepClaims {
		kinds = append(slices.Clone(kinds), "PersistentVolumeClaim")
	}
	seen := map[string]bool{}
	for _, f := range files {
		for _, x := range f.Objects {
			same := x.Namespace == p.Namespace || x.Namespace == "" || p.Namespace == ""
			if x.APIVersion != "v1" || !slices.Contains(kinds, x.Kind) || !same || seen[x.Kind+"/"+x.Name] {
				continue
			}
			seen[x.Kind+"/"+x.Name] = true
			content := map[string]any{}
			if err := x.Decode(&content); err != nil {
				return err
			}
			object := &unstructured.Unstructured{Object: content}
			unbind(object)
			w.Objects = append(w.Objects, object)
		}
	}
	account := cmp.Or(p.Spec.ServiceAccountName, p.Spec.DeprecatedServiceAccount)
	if account != "" && account != "default" && !seen["ServiceAccount/"+account] {
		w.Account = account
		w.note("service account %s is in no file: the pod runs as one of this name without any right", account)
	}
	for _, s := range p.Spec.ImagePullSecrets {
		if !seen["Secret/"+s.Name] {
			w.PullSecrets = append(w.PullSecrets, s.Name)
		}
	}
	return nil
}
