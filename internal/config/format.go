package config

// The formats of a result that more than its renderer needs to know.
const (
	FormatYAML           = "yaml"
	FormatStrategicMerge = "strategic-merge"
	FormatJSONPatch      = "json-patch"
	FormatKustomize      = "kustomize"
)

// Formats returns the formats of a result: the values of Outputs.Format and of --format.
func Formats() []string {
	return []string{FormatYAML, FormatStrategicMerge, FormatJSONPatch, FormatKustomize, "helm-values", "compose", "docker"}
}
