// Package input reads manifests from files, folders, kustomizations, Helm charts, Compose files and
// stdin, and chooses the containers to seal.
package input

import (
	"context"
	"crypto/rand"
	"io"
	"slices"

	"github.com/podseal/podseal/internal/helmchart"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/pod"
	"github.com/podseal/podseal/internal/target"
)

// Options name the manifests and choose the containers to seal.
type Options struct {
	Files     []string // files, folders of files, of a kustomization or a chart, "-" for stdin
	With      []string // more of them, for ConfigMaps and Secrets that the manifests refer to
	Object    string   // seal only this object, KIND/NAME; empty means all
	Container string   // seal only the container of this name; empty means all
	Exclude   []string // leave out these objects, KIND/NAME
	Chart     helmchart.Values
	Params    []string // values of the parameters of workflows and tasks, NAME=VALUE
	Service   string   // read only this service of Compose files, as a separate pod; empty means all, in one pod
	PodPath   string   // where objects of unknown kinds have their pod, for example spec.template.spec
	StandIns  bool     // use random values for missing ConfigMaps and Secrets
	HostPath  bool     // mount the host folders that a pod names
	Replaces  string   // folder of a kustomize component that is left out, since the result replaces it; empty means none
	Stdin     io.Reader
}

// Set is everything that was read. It is filled as far as an error allows.
type Set struct {
	Files []*File
	With  []*File // those of Options.With
	// Skipped are files of folders that were left out, each with the reason; SkippedWith are those of Options.With.
	Skipped, SkippedWith []error
	// Notes are the settings of Compose files that no field of a pod expresses.
	Notes []string
	// Unsealed are the objects that seem to have containers that podseal does not seal.
	Unsealed []manifest.Object

	selection manifest.Selection
}

// File is one manifest file, or what a kustomization or a chart builds.
type File struct {
	Manifest *manifest.File
	Path     string // the file that could be changed in place; empty for stdin and for a build
	Pods     []Pod  // those that have a container to seal; none where the file is only referred to
}

// Pod is a pod with its containers to seal.
type Pod struct {
	Pod    *pod.Pod
	Chosen []string // the names in the manifest, in the order of their starts
}

// Excluded reports whether the user asked to leave out an object.
func (s Set) Excluded(o manifest.Object) bool { return s.selection.Excludes(o.Kind, o.Name) }

// Read reads the manifests and chooses their containers. The flags describe the target for the user; they win over the
// pod. Its errors are those of the input: one sentence, with file and line where there is one.
func Read(ctx context.Context, o Options, flags target.Target) (set Set, err error) {
	r, err := newReader(o)
	if err != nil {
		return set, err
	}
	if set.Files, err = r.all(ctx, o.Files); err != nil {
		return set, err
	}
	set.Skipped, r.skipped = r.skipped, nil
	set.Notes = r.notes
	with, err := r.all(ctx, o.With)
	if err != nil {
		return set, err
	}
	set.With, set.SkippedWith = with, r.skipped
	var objects pod.Objects
	if o.StandIns {
		objects.Seed = []byte(rand.Text())
	}
	for _, in := range slices.Concat(with, set.Files) {
		objects.Add(in.Manifest)
	}
	targets, err := set.selected(o)
	if err != nil {
		return set, err
	}
	if err := checkFlags(flags, targets); err != nil {
		return set, err
	}
	if err := checkParameters(r.options.Parameters, set.manifests()); err != nil {
		return set, err
	}
	if err := checkPodPath(o.PodPath, set.manifests()); err != nil {
		return set, err
	}
	return set, r.inTemplate(choose(set.Files, targets, &objects, pod.Options{Flags: flags, AllowHostPath: o.HostPath}))
}

// Manifests reads the manifests and chooses no container. ConfigMaps and Secrets that they refer to are not needed.
func Manifests(ctx context.Context, o Options) (files []*manifest.File, set Set, err error) {
	r, err := newReader(o)
	if err != nil {
		return nil, set, err
	}
	if set.Files, err = r.all(ctx, o.Files); err != nil {
		return nil, set, err
	}
	set.Skipped, set.Notes = r.skipped, r.notes
	return set.manifests(), set, nil
}

// selected chooses the containers of the files that were read.
func (s *Set) selected(o Options) ([]manifest.Target, error) {
	files := s.manifests()
	s.selection = manifest.Selection{Object: o.Object, Container: o.Container, Exclude: o.Exclude}
	targets, err := manifest.Select(files, s.selection)
	if err == nil {
		s.Unsealed = unsealedObjects(files)
	}
	return targets, err
}

func (s *Set) manifests() []*manifest.File {
	var files []*manifest.File
	for _, in := range s.Files {
		files = append(files, in.Manifest)
	}
	return files
}
