package manifest

import "strings"

// kind says where a kind of object keeps its pod.
type kind struct {
	group string // of apiVersion; "" is the core group
	name  string
	path  string // from the object to the pod's spec
}

var kinds = []kind{
	{"", "Pod", "spec"},
	{"", "PodTemplate", "template.spec"},
	{"", "ReplicationController", "spec.template.spec"},
	{"apps", "Deployment", "spec.template.spec"},
	{"apps", "ReplicaSet", "spec.template.spec"},
	{"apps", "StatefulSet", "spec.template.spec"},
	{"apps", "DaemonSet", "spec.template.spec"},
	{"extensions", "Deployment", "spec.template.spec"},
	{"extensions", "ReplicaSet", "spec.template.spec"},
	{"extensions", "DaemonSet", "spec.template.spec"},
	{"batch", "Job", "spec.template.spec"},
	{"batch", "CronJob", "spec.jobTemplate.spec.template.spec"},
	{"argoproj.io", "Rollout", "spec.template.spec"},
	{knativeGroup, "Service", "spec.template.spec"},
	{knativeGroup, "Configuration", "spec.template.spec"},
	{knativeGroup, "Revision", "spec"},
}

const knativeGroup = "serving.knative.dev"

// kindNames are the kinds that podseal knows, for messages.
const kindNames = "Pod, PodTemplate, ReplicationController, Deployment, ReplicaSet, StatefulSet, DaemonSet, Job, CronJob, List, " +
	"Argo Rollout, Knative Service"

func groupOf(apiVersion string) string {
	group, _, found := strings.Cut(apiVersion, "/")
	if !found {
		return ""
	}
	return group
}

// podPath is where an object keeps its pod's spec; known is false for kinds that podseal has not heard of.
func podPath(apiVersion, name string) (path string, known bool) {
	group := groupOf(apiVersion)
	for _, k := range kinds {
		if k.group == group && k.name == name {
			return k.path, true
		}
	}
	return "", false
}
