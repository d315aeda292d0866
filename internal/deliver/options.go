// Package deliver turns the outcomes of sealing into files: manifests, patches, views for other tools, and companion
// files such as a NetworkPolicy.
//
// The steps are Options.Check before anything else, Open for the files, Rehearse before the first run, and Prepare and
// Delivery.Write after the last one. Check, Rehearse and Prepare touch no file.
package deliver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/config"
)

// Options name the files for the result, and its form.
type Options struct {
	Output    string // a file, or the folder of config.FormatKustomize; empty means stdout
	Format    string // one of config.Formats
	InPlace   bool   // write into the input files
	Diff      bool   // the result is a unified diff of the input files
	KeepToken bool   // leave the pod its service account token in any case

	NetworkPolicy string // a file for a NetworkPolicy; empty for none
	Egress        bool   // the NetworkPolicy also says what the pods may connect to
	// PoliciesLater leaves the NetworkPolicy to WritePolicies: rules about peers need the outcomes of all targets.
	PoliciesLater bool
	PodSecurity   string // a file for a Namespace with the labels of Pod Security; empty for none
	// Reports are other files that are written with the result, by their owner.
	Reports []string
}

// Where says where the result is written: "on stdout", "in pod.yaml".
func (o Options) Where() string {
	switch {
	case o.InPlace && !o.Diff:
		return "in the files of -f"
	case o.Output != "":
		return "in " + o.Output
	}
	return "on stdout"
}

// OnStdout reports whether the result is written to the standard output.
func (o Options) OnStdout() bool { return o.Output == "" && (!o.InPlace || o.Diff) }

// Shape is what Check knows of the input.
type Shape struct {
	Files    []string // the input files with a pod that can be changed in place
	Built    bool     // there is input that cannot: stdin, or what is built of a kustomization, a chart or a Compose file
	PlanOnly bool     // no run will prove the result
}

// fromManifest reports whether a manifest was given, rather than an image alone.
func (s Shape) fromManifest() bool { return len(s.Files) > 0 || s.Built }

// Check refuses options that contradict each other or the input.
func (o Options) Check(in Shape) error {
	if !slices.Contains(config.Formats(), o.Format) {
		return fmt.Errorf("--format %s: use one of %s", o.Format, strings.Join(config.Formats(), ", "))
	}
	if slices.Contains([]string{config.FormatStrategicMerge, config.FormatJSONPatch, config.FormatKustomize}, o.Format) && !in.fromManifest() {
		return fmt.Errorf("--format %s changes a manifest, but an image was given alone: give the manifest with -f, or use yaml, helm-values, compose or docker", o.Format)
	}
	if o.Egress && o.NetworkPolicy == "" {
		return fmt.Errorf("--egress adds to a NetworkPolicy: name its file with --network-policy")
	}
	if o.Format == config.FormatKustomize && o.Output == "" {
		return fmt.Errorf("--format kustomize writes a folder: name it with -o FOLDER")
	}
	for _, f := range []struct {
		given bool
		name  string
	}{{o.InPlace, "--in-place"}, {o.Diff, "--diff"}} {
		switch {
		case f.given && !in.fromManifest():
			return fmt.Errorf("%s changes a manifest: give one with -f", f.name)
		case f.given && o.Format != config.FormatYAML:
			return fmt.Errorf("%s needs --format yaml, not %s", f.name, o.Format)
		}
	}
	return o.checkInPlace(in)
}

func (o Options) checkInPlace(in Shape) error {
	switch {
	case !o.InPlace:
		return nil
	case o.Output != "" && !o.Diff:
		return fmt.Errorf("--in-place writes into the files of -f: leave out -o")
	case in.Built:
		return fmt.Errorf("--in-place changes manifest files, and cannot change what is made of others: stdin, a kustomization, a chart or a Compose file")
	case in.PlanOnly:
		return fmt.Errorf("--in-place writes only proved profiles: leave out --plan-only")
	}
	return nil
}
