// Package yamledit edits YAML without losing a byte that an edit does not name.
//
// The YAML parser finds where nodes stand; the source itself stays what the user wrote. A Document holds both: it
// reports where a node starts and ends in the bytes, and what the node means to the Kubernetes tools. The package knows
// nothing of pods or profiles.
package yamledit
