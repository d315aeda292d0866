package emit

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/podspec"
	"github.com/podseal/podseal/internal/tree"
	"github.com/podseal/podseal/internal/yamledit"
)

// podSecurityVersion is the version of the level by which podseal judges: that of its evaluator.
const podSecurityVersion = "v1.37"

// PodSecurity writes the labels by which a namespace enforces the level restricted: a Namespace for each one that the
// pods name, or for those without one a patch. A pod that the level forbids is an error: the labels would keep it out.
func PodSecurity(pods []corev1.Pod, manifests []string) ([]byte, error) {
	var spaces []string
	for i := range pods {
		if err := podspec.CheckRestricted(&pods[i]); err != nil {
			return nil, fmt.Errorf("labelling a namespace restricted would keep %s out: %w", manifests[i], err)
		}
		if !slices.Contains(spaces, pods[i].Namespace) {
			spaces = append(spaces, pods[i].Namespace)
		}
	}
	slices.Sort(spaces)
	var docs [][]byte
	for _, space := range spaces {
		docs = append(docs, namespace(space))
	}
	return Join(docs), nil
}

func namespace(name string) []byte {
	labels := tree.Object{}
	for _, mode := range []string{"enforce", "audit", "warn"} {
		labels = append(labels,
			tree.Field{Key: "pod-security.kubernetes.io/" + mode, Value: "restricted"},
			tree.Field{Key: "pod-security.kubernetes.io/" + mode + "-version", Value: podSecurityVersion})
	}
	if name == "" {
		return append([]byte("# The manifest names no namespace. Apply with: kubectl patch namespace NAME --patch-file THIS-FILE\n"),
			yamledit.Text(tree.Object{{Key: "metadata", Value: tree.Object{{Key: "labels", Value: labels}}}})...)
	}
	return yamledit.Text(tree.Object{{Key: "apiVersion", Value: "v1"}, {Key: "kind", Value: "Namespace"}, {Key: "metadata", Value: tree.Object{{Key: "name", Value: name}, {Key: "labels", Value: labels}}}})
}

// SealedPods returns the pods of a file after a splice, with names for messages.
func SealedPods(f *manifest.File) (pods []corev1.Pod, names []string) {
	for _, p := range f.Pods {
		pod := corev1.Pod{ObjectMeta: p.Meta, Spec: *p.Spec.DeepCopy()}
		pod.Namespace = p.Namespace
		for i, v := range pod.Spec.Volumes {
			if v.VolumeSource == (corev1.VolumeSource{}) { // the API server's default
				pod.Spec.Volumes[i].EmptyDir = &corev1.EmptyDirVolumeSource{}
			}
		}
		pods, names = append(pods, pod), append(names, p.String())
	}
	return pods, names
}
