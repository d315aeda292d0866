package config

// The formats of a result.
const (
	FormatYAML           = "yaml"
	FormatStrategicMerge = "strategic-merge"
	FormatJSONPatch      = "json-patch"
	FormatKustomize      = "kustomize"
	FormatHelmValues     = "helm-values"
	FormatCompose        = "compose"
	FormatDocker         = "docker"
)

// Formats returns the formats of a result: the values of Outputs.Format and of --format.
func Formats() []string {
	return []string{FormatYAML, FormatStrategicMerge, FormatJSONPatch, FormatKustomize, FormatHelmValues, FormatCompose, FormatDocker}
}
