package examine

import (
	"context"
	"errors"
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/version"

	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/cluster/podtrace"
	"github.com/podseal/podseal/internal/doctor"
)

// needed returns the requests that every verification makes.
func needed() []kube.Access {
	return []kube.Access{
		{Verb: "create", Resource: "namespaces"},
		{Verb: "delete", Resource: "namespaces"},
		{Verb: "create", Resource: "pods"},
		{Verb: "watch", Resource: "pods"},
		{Verb: "list", Resource: "pods"},
		{Verb: "patch", Resource: "pods"},
		{Verb: "delete", Resource: "pods"},
		{Verb: "create", Resource: "pods", Subresource: "exec"},
		{Verb: "create", Resource: "pods", Subresource: "portforward"},
		{Verb: "get", Resource: "pods", Subresource: "log"},
		{Verb: "create", Resource: "serviceaccounts"},
	}
}

// Cluster examines a cluster. It makes a namespace, tries pods in it by dry runs, and removes it. An error is one of the
// connection: everything else is a fact.
func Cluster(ctx context.Context, c *kube.Client) (facts doctor.Cluster, err error) {
	facts.Name = c.String()
	v, err := c.API.Discovery().ServerVersion()
	if err != nil {
		return facts, err
	}
	facts.Version = v.GitVersion
	if parsed, err := version.ParseGeneric(v.GitVersion); err == nil {
		facts.ImageVolumes = parsed.AtLeast(version.MajorMinor(1, 36))
	}
	for _, a := range needed() {
		if c.Require(ctx, a) != nil {
			facts.Denied = append(facts.Denied, a.String())
		}
	}
	nodes(ctx, c, &facts)
	facts.StorageClass = defaultClass(ctx, c)
	if err := tryPods(ctx, c, &facts); err != nil || facts.Tried != "" {
		return facts, err
	}
	return facts, tryTracing(ctx, c, &facts)
}

// tryTracing tries an observer by a dry run in a namespace of the level privileged.
func tryTracing(ctx context.Context, c *kube.Client, facts *doctor.Cluster) (err error) {
	n, err := c.CreateNamespace(ctx, kube.NewRunID(), "doctor", kube.Privileged, nil)
	if n != nil {
		defer func() { err = errors.Join(err, n.Delete(context.WithoutCancel(ctx))) }()
	}
	if err == nil {
		err = c.Require(ctx, n.EphemeralAccess())
	}
	if err == nil {
		_, err = n.CreatePod(ctx, podtrace.Rehearsal(), true)
	}
	if kube.IsRefusal(err) {
		facts.Traced, err = err.Error(), nil
	}
	return err
}

// nodes lists the nodes.
func nodes(ctx context.Context, c *kube.Client, facts *doctor.Cluster) {
	list, err := c.API.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		facts.NodesDenied = err.Error()
		return
	}
	for _, n := range list.Items {
		info := n.Status.NodeInfo
		node := doctor.Node{Name: n.Name, Kubelet: info.KubeletVersion, Runtime: info.ContainerRuntimeVersion, Platform: info.OperatingSystem + "/" + info.Architecture}
		for _, condition := range n.Status.Conditions {
			node.Ready = node.Ready || condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue
		}
		for _, h := range n.Status.RuntimeHandlers {
			f := h.Features
			node.UserNamespaces = node.UserNamespaces || f != nil && f.UserNamespaces != nil && *f.UserNamespaces
		}
		if f := n.Status.Features; f != nil && f.SupplementalGroupsPolicy != nil {
			node.GroupsPolicy = *f.SupplementalGroupsPolicy
		}
		facts.Nodes = append(facts.Nodes, node)
	}
}

// defaultClass returns the name of the default StorageClass.
func defaultClass(ctx context.Context, c *kube.Client) string {
	list, err := c.API.StorageV1().StorageClasses().List(ctx, metav1.ListOptions{})
	if err != nil {
		return ""
	}
	i := slices.IndexFunc(list.Items, func(s storagev1.StorageClass) bool {
		return s.Annotations["storageclass.kubernetes.io/is-default-class"] == "true"
	})
	if i < 0 {
		return ""
	}
	return list.Items[i].Name
}

// tryPods tries pods by dry runs in a namespace that enforces the level restricted.
func tryPods(ctx context.Context, c *kube.Client, facts *doctor.Cluster) (err error) {
	n, err := c.CreateNamespace(ctx, kube.NewRunID(), "doctor", kube.Restricted, nil)
	if n != nil {
		defer func() { err = errors.Join(err, n.Delete(context.WithoutCancel(ctx))) }()
	}
	if kube.IsRefusal(err) {
		facts.Tried = err.Error()
		return nil
	}
	if err != nil {
		return err
	}
	loose := sealedPod()
	loose.Spec.Containers[0].SecurityContext = nil
	_, err = n.CreatePod(ctx, loose, true)
	refusal := new(kube.Refusal)
	facts.PodSecurity = errors.As(err, &refusal) && refusal.Kind == kube.PodSecurity
	if err != nil && refusal.Kind == "" {
		return err
	}
	_, err = n.CreatePod(ctx, sealedPod(), true)
	switch {
	case kube.IsRefusal(err):
		facts.Sealed = err.Error()
		return nil
	case err != nil:
		return err
	}
	made, err := n.CreatePod(ctx, withNewFields(sealedPod()), true)
	if kube.IsRefusal(err) {
		return nil // the server does not know the fields
	}
	if err == nil {
		facts.EmptyDirMode = made.Spec.Volumes[0].EmptyDir.Mode != nil
		facts.BindMountOptions = len(made.Spec.Containers[0].VolumeMounts[0].BindMountOptions) > 0
	}
	return err
}

// withNewFields adds fields that an API server drops where their features are off.
func withNewFields(pod *corev1.Pod) *corev1.Pod {
	mode := int32(0o1777)
	pod.Spec.Volumes[0].EmptyDir.Mode = &mode
	pod.Spec.Containers[0].VolumeMounts[0].BindMountOptions = []string{"noexec"}
	return pod
}

// sealedPod returns a pod with all settings of a seal.
func sealedPod() *corev1.Pod {
	yes, no, uid := true, false, int64(nobody)
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "sealed"},
		Spec: corev1.PodSpec{
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: &yes, RunAsUser: &uid, RunAsGroup: &uid,
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
				Sysctls:        []corev1.Sysctl{{Name: "net.ipv4.ip_unprivileged_port_start", Value: "0"}},
			},
			Containers: []corev1.Container{{
				Name: "target", Image: "podseal.test/none:1",
				SecurityContext: &corev1.SecurityContext{
					ReadOnlyRootFilesystem: &yes, AllowPrivilegeEscalation: &no, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
				VolumeMounts: []corev1.VolumeMount{{Name: "data", MountPath: "/data"}},
			}},
			Volumes: []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
		},
	}
}
