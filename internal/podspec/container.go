package podspec

import corev1 "k8s.io/api/core/v1"

// ContainerOf returns the container or init container of that name in a pod, to be changed in place; an empty one that is
// not in the pod where there is none.
func ContainerOf(spec *corev1.PodSpec, name string) *corev1.Container {
	for _, list := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range list {
			if list[i].Name == name {
				return &list[i]
			}
		}
	}
	return &corev1.Container{}
}
