// Package podspec decides which fields of a Kubernetes pod a profile means: for a new pod, and as the change of one that
// exists. It knows no YAML and no files.
package podspec
