package emit

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/podspec"
)

// Every kind is spliced, decoded with the API's own types as strictly as the API server can, and means what a Pod with
// the same containers means.
func TestSpliceOfEveryKind(t *testing.T) {
	const pod = `
containers:
- name: app
  image: app:1
  volumeMounts:
  - {name: cfg, mountPath: /cfg}
volumes:
- name: cfg
  configMap: {name: cfg}
`
	var want corev1.PodSpec
	for _, k := range []struct {
		apiVersion, kind, path string
		into                   any
		spec                   func(any) corev1.PodSpec
	}{
		{"v1", "Pod", "spec", &corev1.Pod{}, func(o any) corev1.PodSpec { return o.(*corev1.Pod).Spec }},
		{"v1", "PodTemplate", "template.spec", &corev1.PodTemplate{}, func(o any) corev1.PodSpec { return o.(*corev1.PodTemplate).Template.Spec }},
		{"v1", "ReplicationController", "spec.template.spec", &corev1.ReplicationController{}, func(o any) corev1.PodSpec { return o.(*corev1.ReplicationController).Spec.Template.Spec }},
		{"apps/v1", "Deployment", "spec.template.spec", &appsv1.Deployment{}, func(o any) corev1.PodSpec { return o.(*appsv1.Deployment).Spec.Template.Spec }},
		{"apps/v1", "ReplicaSet", "spec.template.spec", &appsv1.ReplicaSet{}, func(o any) corev1.PodSpec { return o.(*appsv1.ReplicaSet).Spec.Template.Spec }},
		{"apps/v1", "StatefulSet", "spec.template.spec", &appsv1.StatefulSet{}, func(o any) corev1.PodSpec { return o.(*appsv1.StatefulSet).Spec.Template.Spec }},
		{"apps/v1", "DaemonSet", "spec.template.spec", &appsv1.DaemonSet{}, func(o any) corev1.PodSpec { return o.(*appsv1.DaemonSet).Spec.Template.Spec }},
		{"batch/v1", "Job", "spec.template.spec", &batchv1.Job{}, func(o any) corev1.PodSpec { return o.(*batchv1.Job).Spec.Template.Spec }},
		{"batch/v1", "CronJob", "spec.jobTemplate.spec.template.spec", &batchv1.CronJob{}, func(o any) corev1.PodSpec { return o.(*batchv1.CronJob).Spec.JobTemplate.Spec.Template.Spec }},
	} {
		source := "apiVersion: " + k.apiVersion + "\nkind: " + k.kind + "\nmetadata:\n  name: x\n"
		indent := 0
		for _, part := range strings.Split(k.path, ".") {
			source += strings.Repeat(" ", indent) + part + ":\n"
			indent += 2
		}
		for _, line := range strings.Split(strings.Trim(pod, "\n"), "\n") {
			source += strings.Repeat(" ", indent) + line + "\n"
		}
		out, _, err := spliceAll([]byte(source))
		if err != nil {
			t.Errorf("%s: %v", k.kind, err)
			continue
		}
		if err := yaml.UnmarshalStrict(out, k.into); err != nil {
			t.Errorf("%s: %v", k.kind, err)
			continue
		}
		got := k.spec(k.into)
		if k.kind == "Pod" {
			want = got
			if len(got.Volumes) != 4 || len(got.InitContainers) != 2 || *got.SecurityContext.RunAsUser != 101 {
				t.Errorf("the Pod is not sealed:\n%s", out)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -as in a Pod +got:\n%s", k.kind, diff)
		}
		if err := podspec.CheckRestricted(&corev1.Pod{Spec: got}); err != nil {
			t.Errorf("%s: %v", k.kind, err)
		}
	}
}

// The unrestricted profile, a container that is not there and two profiles for one are refused.
func TestSpliceRefuses(t *testing.T) {
	f, err := manifest.Parse("in.yaml", []byte("apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - {name: a, image: i}\n"), "")
	if err != nil {
		t.Fatal(err)
	}
	open := fuzzProfile()
	open.Open = true
	for want, edits := range map[string][]Edit{
		"unrestricted":                   {{Pod: f.Pods[0], Container: "a", Profile: open}},
		`no container "b"`:               {{Pod: f.Pods[0], Container: "b", Profile: fuzzProfile()}},
		`two profiles for container "a"`: {{Pod: f.Pods[0], Container: "a", Profile: fuzzProfile()}, {Pod: f.Pods[0], Container: "a", Profile: fuzzProfile()}},
	} {
		if _, _, err := Splice(f, edits); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
