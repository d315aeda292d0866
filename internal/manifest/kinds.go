package manifest

import "strings"

// kind names the places where a kind of object holds pods.
type kind struct {
	group string   // of apiVersion; "" is the core group
	name  string   // of the kind
	paths []string // patterns from the object to the specs of its pods, or to the mappings that a controller assembles them from
	rule  podRule
	by    *Controller // assembles the pods; nil: they are written out
}

// podRule says whether an object of a kind has its pods written out.
type podRule int

const (
	always    podRule = iota // in every object
	sometimes                // an object may have none
	completed                // an operator completes what is written, or makes all of it
)

const (
	templatePath = "spec.template.spec"
	trainingPath = "spec.template.spec.replicatedJobs[*].template.spec.template.spec"
	knativeGroup = "serving.knative.dev"
)

// rayPaths returns the paths of the pods of a Ray cluster.
func rayPaths(cluster string) []string {
	return []string{cluster + "headGroupSpec.template.spec", cluster + "workerGroupSpecs[*].template.spec"}
}

// elasticPaths lists the paths of the pods of an Elastic component that runs as one of several controllers.
var elasticPaths = []string{"spec.deployment.podTemplate.spec", "spec.daemonSet.podTemplate.spec", "spec.statefulSet.podTemplate.spec"}

var kinds = []kind{
	{group: "", name: "Pod", paths: []string{"spec"}},
	{group: "", name: "PodTemplate", paths: []string{"template.spec"}},
	{group: "", name: "ReplicationController", paths: []string{templatePath}},
	{group: "apps", name: "Deployment", paths: []string{templatePath}},
	{group: "apps", name: "ReplicaSet", paths: []string{templatePath}},
	{group: "apps", name: "StatefulSet", paths: []string{templatePath}},
	{group: "apps", name: "DaemonSet", paths: []string{templatePath}},
	{group: "extensions", name: "Deployment", paths: []string{templatePath}},
	{group: "extensions", name: "ReplicaSet", paths: []string{templatePath}},
	{group: "extensions", name: "DaemonSet", paths: []string{templatePath}},
	{group: "batch", name: "Job", paths: []string{templatePath}},
	{group: "batch", name: "CronJob", paths: []string{"spec.jobTemplate.spec.template.spec"}},
	{group: "argoproj.io", name: "Rollout", paths: []string{templatePath}},
	{group: knativeGroup, name: "Service", paths: []string{templatePath}},
	{group: knativeGroup, name: "Configuration", paths: []string{templatePath}},
	{group: knativeGroup, name: "Revision", paths: []string{"spec"}},
	{group: "apps.openshift.io", name: "DeploymentConfig", paths: []string{templatePath}},
	{group: "keda.sh", name: "ScaledJob", paths: []string{"spec.jobTargetRef.template.spec"}},
	{group: "apps.kruise.io", name: "CloneSet", paths: []string{templatePath}},
	{group: "apps.kruise.io", name: "StatefulSet", paths: []string{templatePath}},
	{group: "apps.kruise.io", name: "DaemonSet", paths: []string{templatePath}},
	{group: "apps.kruise.io", name: "BroadcastJob", paths: []string{templatePath}},
	{group: "sources.knative.dev", name: "ContainerSource", paths: []string{templatePath}},
	{group: "agones.dev", name: "GameServer", paths: []string{templatePath}},
	{group: "agones.dev", name: "Fleet", paths: []string{"spec.template.spec.template.spec"}},
	{group: "agones.dev", name: "GameServerSet", paths: []string{"spec.template.spec.template.spec"}},
	{group: "jobset.x-k8s.io", name: "JobSet", paths: []string{"spec.replicatedJobs[*].template.spec.template.spec"}},
	{group: "batch.volcano.sh", name: "Job", paths: []string{"spec.tasks[*].template.spec"}},
	{group: "leaderworkerset.x-k8s.io", name: "LeaderWorkerSet", paths: []string{
		"spec.leaderWorkerTemplate.leaderTemplate.spec", "spec.leaderWorkerTemplate.workerTemplate.spec",
	}},
	{group: "kubeflow.org", name: "Notebook", paths: []string{templatePath}},
	{group: "kubeflow.org", name: "PyTorchJob", paths: []string{"spec.pytorchReplicaSpecs.*.template.spec"}},
	{group: "kubeflow.org", name: "TFJob", paths: []string{"spec.tfReplicaSpecs.*.template.spec"}},
	{group: "kubeflow.org", name: "MPIJob", paths: []string{"spec.mpiReplicaSpecs.*.template.spec"}},
	{group: "kubeflow.org", name: "XGBoostJob", paths: []string{"spec.xgbReplicaSpecs.*.template.spec"}},
	{group: "kubeflow.org", name: "PaddleJob", paths: []string{"spec.paddleReplicaSpecs.*.template.spec"}},
	{group: "kubeflow.org", name: "JAXJob", paths: []string{"spec.jaxReplicaSpecs.*.template.spec"}},
	{group: "apps.kruise.io", name: "AdvancedCronJob", paths: []string{
		"spec.template.jobTemplate.spec.template.spec", "spec.template.broadcastJobTemplate.spec.template.spec",
	}},
	{group: "serving.kserve.io", name: "InferenceService", paths: []string{"spec.predictor", "spec.transformer", "spec.explainer"}, rule: completed},
	{group: "machinelearning.seldon.io", name: "SeldonDeployment", paths: []string{"spec.predictors[*].componentSpecs[*].spec"}, rule: completed},
	{group: "grafana.integreatly.org", name: "Grafana", paths: []string{"spec.deployment.spec.template.spec"}, rule: completed},
	{group: "trainer.kubeflow.org", name: "TrainingRuntime", paths: []string{trainingPath}, rule: completed},
	{group: "trainer.kubeflow.org", name: "ClusterTrainingRuntime", paths: []string{trainingPath}, rule: completed},
	{group: "ray.io", name: "RayCluster", paths: rayPaths("spec."), rule: completed},
	{group: "ray.io", name: "RayJob", paths: append(rayPaths("spec.rayClusterSpec."), "spec.submitterPodTemplate.spec"), rule: completed},
	{group: "ray.io", name: "RayService", paths: rayPaths("spec.rayClusterConfig."), rule: completed},
	{group: "argoproj.io", name: "Workflow", paths: []string{"spec.templates[*]"}, by: argo},
	{group: "argoproj.io", name: "WorkflowTemplate", paths: []string{"spec.templates[*]"}, by: argo},
	{group: "argoproj.io", name: "ClusterWorkflowTemplate", paths: []string{"spec.templates[*]"}, by: argo},
	{group: "argoproj.io", name: "CronWorkflow", paths: []string{"spec.workflowSpec.templates[*]"}, by: argo},
	{group: tektonGroup, name: "Task", paths: []string{"spec"}, by: tekton},
	{group: tektonGroup, name: "ClusterTask", paths: []string{"spec"}, by: tekton},
	{group: tektonGroup, name: "TaskRun", paths: []string{"spec.taskSpec"}, by: tekton},
	{group: tektonGroup, name: "Pipeline", paths: []string{"spec.tasks[*].taskSpec", "spec.finally[*].taskSpec"}, by: tekton},
	{group: tektonGroup, name: "PipelineRun", paths: []string{
		"spec.pipelineSpec.tasks[*].taskSpec", "spec.pipelineSpec.finally[*].taskSpec",
	}, by: tekton},
	{group: "argoproj.io", name: "Experiment", paths: []string{"spec.templates[*].template.spec"}, rule: sometimes},
	{group: "argoproj.io", name: "AnalysisTemplate", paths: []string{"spec.metrics[*].provider.job.spec.template.spec"}, rule: sometimes},
	{group: "argoproj.io", name: "ClusterAnalysisTemplate", paths: []string{"spec.metrics[*].provider.job.spec.template.spec"}, rule: sometimes},
	{group: "elasticsearch.k8s.elastic.co", name: "Elasticsearch", paths: []string{"spec.nodeSets[*].podTemplate.spec"}, rule: completed},
	{group: "kibana.k8s.elastic.co", name: "Kibana", paths: []string{"spec.podTemplate.spec"}, rule: completed},
	{group: "apm.k8s.elastic.co", name: "ApmServer", paths: []string{"spec.podTemplate.spec"}, rule: completed},
	{group: "enterprisesearch.k8s.elastic.co", name: "EnterpriseSearch", paths: []string{"spec.podTemplate.spec"}, rule: completed},
	{group: "maps.k8s.elastic.co", name: "ElasticMapsServer", paths: []string{"spec.podTemplate.spec"}, rule: completed},
	{group: "logstash.k8s.elastic.co", name: "Logstash", paths: []string{"spec.podTemplate.spec"}, rule: completed},
	{group: "beat.k8s.elastic.co", name: "Beat", paths: elasticPaths, rule: completed},
	{group: "agent.k8s.elastic.co", name: "Agent", paths: elasticPaths, rule: completed},
	{group: "flink.apache.org", name: "FlinkDeployment", paths: []string{
		"spec.podTemplate.spec", "spec.jobManager.podTemplate.spec", "spec.taskManager.podTemplate.spec",
	}, rule: completed},
	{group: sparkGroup, name: "SparkApplication", paths: []string{"spec.driver.template.spec", "spec.executor.template.spec"}, rule: completed},
	{group: sparkGroup, name: "ScheduledSparkApplication", paths: []string{
		"spec.template.driver.template.spec", "spec.template.executor.template.spec",
	}, rule: completed},
	{group: "actions.github.com", name: "AutoscalingRunnerSet", paths: []string{templatePath}, rule: completed},
}

const (
	sparkGroup  = "sparkoperator.k8s.io"
	tektonGroup = "tekton.dev"
)

// kindNames lists the common kinds that podseal knows, for messages.
const kindNames = "Pod, PodTemplate, ReplicationController, Deployment, ReplicaSet, StatefulSet, DaemonSet, Job, CronJob, List, " +
	"Argo Rollout, Knative Service, OpenShift DeploymentConfig, KEDA ScaledJob"

// runner is an operator that makes the pods of its kinds itself, with commands that no manifest has: there is nothing to run.
type runner struct {
	group string
	kinds string // names, separated by a space
	says  string
}

var runners = []runner{
	{tektonGroup, "StepAction", "a StepAction is a part of other tasks, which have its volumes"},
	{"monitoring.coreos.com", "Prometheus PrometheusAgent Alertmanager ThanosRuler", "the Prometheus operator makes their pods, and merges spec.containers into them"},
	{"kafka.strimzi.io", "Kafka KafkaNodePool KafkaConnect KafkaMirrorMaker2 KafkaBridge", "the Strimzi operator makes their pods; the settings of a seal belong to " +
		"the templates of their containers (template.kafkaContainer.securityContext)"},
	{"postgresql.cnpg.io", "Cluster Pooler", "the CloudNativePG operator makes their pods, which have a read-only root already"},
	{"opentelemetry.io", "OpenTelemetryCollector TargetAllocator", "the OpenTelemetry operator makes their pods; the settings of a seal belong to " +
		"spec.securityContext, spec.volumes and spec.volumeMounts"},
	{"argoproj.io", "EventSource Sensor EventBus", "Argo Events makes their pods; the settings of a seal belong to spec.template"},
	{sparkGroup, "SparkApplication ScheduledSparkApplication", "the Spark operator makes their pods and commands; the settings of a seal belong to " +
		"spec.driver and spec.executor (securityContext, volumeMounts) and to spec.volumes"},
}

// runnerOf returns the reason why the containers of an object are not sealed; it is empty for other kinds.
func runnerOf(apiVersion, name string) string {
	group := groupOf(apiVersion)
	for _, r := range runners {
		for known := range strings.FieldsSeq(r.kinds) {
			if r.group == group && known == name {
				return r.says
			}
		}
	}
	return ""
}

func groupOf(apiVersion string) string {
	group, _, found := strings.Cut(apiVersion, "/")
	if !found {
		return ""
	}
	return group
}

// kindOf finds a kind in the table.
func kindOf(apiVersion, name string) (kind, bool) {
	group := groupOf(apiVersion)
	for _, k := range kinds {
		if k.group == group && k.name == name {
			return k, true
		}
	}
	return kind{}, false
}
