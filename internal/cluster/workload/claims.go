package workload

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/podseal/podseal/internal/manifest"
)

// placeClaims puts an emptyDir in place of each claim, or keeps the claims: those of a StatefulSet's templates under the names
// that its controller gives them.
func (w *Workload) placeClaims(p *manifest.Pod, o Options) {
	for i := range w.Pod.Spec.Volumes {
		v := &w.Pod.Spec.Volumes[i]
		if v.PersistentVolumeClaim != nil && !o.KeepClaims {
			w.replaceClaim(v, "claim "+v.PersistentVolumeClaim.ClaimName)
		}
	}
	for _, name := range p.Claims {
		v := corev1.Volume{Name: name}
		if o.KeepClaims {
			claim := name + "-" + w.Pod.Name
			v.PersistentVolumeClaim = &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim}
			w.addTemplate(name, claim)
		} else {
			w.replaceClaim(&v, "claim template "+name)
		}
		w.Pod.Spec.Volumes = slices.DeleteFunc(w.Pod.Spec.Volumes, func(x corev1.Volume) bool { return x.Name == name })
		w.Pod.Spec.Volumes = append(w.Pod.Spec.Volumes, v)
	}
}

func (w *Workload) replaceClaim(v *corev1.Volume, what string) {
	v.VolumeSource = corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}
	owner := "everyone may write to it, where a claim's folder may belong to root (see --keep-claims)"
	if s := w.Pod.Spec.SecurityContext; s != nil && s.FSGroup != nil {
		owner = "the pod's fsGroup owns it, as it would own a claim's folder"
	}
	w.note("an emptyDir is in place of %s: %s", what, owner)
}

// addTemplate adds the claim of a StatefulSet's template.
func (w *Workload) addTemplate(template, claim string) {
	if w.Object == nil {
		return
	}
	templates, _, _ := unstructured.NestedSlice(w.Object.Object, "spec", "volumeClaimTemplates") // the API server says what is wrong with others
	for _, t := range templates {
		content, ok := t.(map[string]any)
		if !ok {
			continue
		}
		object := &unstructured.Unstructured{Object: content}
		if object.GetName() != template {
			continue
		}
		unbind(object)
		object.SetAPIVersion("v1")
		object.SetKind("PersistentVolumeClaim")
		object.SetName(claim)
		w.Objects = append(w.Objects, object)
	}
}
