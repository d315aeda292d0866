package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/podseal/podseal/internal/deliver"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/pod"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/yamledit"
)

// inputOptions are the flags that say where manifests are, and which of their containers are meant.
type inputOptions struct {
	files, with       []string
	object, container string
	exclude           []string
	podPath           string
	standIns          bool
	allowHostPath     bool

	given func(flag string) bool // reports whether a flag stands on the command line
}

func (o *inputOptions) addFlags(f *pflag.FlagSet) {
	o.given = f.Changed
	f.StringArrayVarP(&o.files, "filename", "f", nil, "seal the containers of a manifest: a `FILE`, a folder of files or of a kustomization, or - for stdin (repeatable)")
	f.StringVarP(&o.container, "container", "c", "", "seal only the container of this `NAME`")
	f.StringVar(&o.object, "select", "", "seal only the containers of one object, `KIND/NAME`")
	f.StringArrayVar(&o.exclude, "exclude", nil, "leave out the containers of an object, `KIND/NAME` (repeatable)")
	f.StringArrayVar(&o.with, "with", nil, "read ConfigMaps and Secrets that the manifest refers to from a `FILE` (repeatable)")
	f.BoolVar(&o.standIns, "stand-ins", false, "use random values for missing ConfigMaps and Secrets; the report lists them")
	f.StringVar(&o.podPath, "pod-path", "", "find the pod at this `PATH` in objects of unknown kinds, for example spec.template.spec")
	f.BoolVar(&o.allowHostPath, "allow-hostpath", false, "mount the host folders that the pod names (hostPath)")
}

// check refuses flags that say something about a manifest where none is given.
func (o *inputOptions) check() error {
	if len(o.files) > 0 {
		return nil
	}
	for _, flag := range []string{"container", "select", "exclude", "with", "stand-ins", "pod-path", "allow-hostpath"} {
		if o.given(flag) {
			return badInput("--%s is about a manifest: give one with -f", flag)
		}
	}
	return nil
}

// input is one manifest file that was given, or what a kustomization makes.
type input struct {
	file *manifest.File
	// path is the file that could be changed in place; empty for stdin and for what a kustomization makes.
	path string
	pods []podInput // those that have a container to seal; none where the file is only referred to
}

// podInput is a pod with the containers of it that are to be sealed.
type podInput struct {
	pod *pod.Pod
	// chosen are their names in the manifest, in the order of their starts.
	chosen []string
}

// readInputs reads the manifests and chooses their containers. The flags describe what the user said of the target; they
// win over the pod. unsealed are the parts of the input that may hold pods and that are not sealed: they are reported on
// stderr.
func readInputs(s streams, o inputOptions, flags target.Target) (inputs []*input, unsealed []error, err error) {
	read := reader{streams: s, podPath: o.podPath}
	if inputs, err = read.all(o.files); err != nil {
		return nil, nil, err
	}
	unsealed = read.skipped
	with, err := read.all(o.with)
	if err != nil {
		return nil, nil, err
	}
	for _, err := range read.skipped {
		fmt.Fprintln(s.err, "podseal: skipped:", oneLine(err))
	}
	var objects pod.Objects
	if o.standIns {
		objects.Seed = []byte(rand.Text())
	}
	for _, in := range slices.Concat(with, inputs) {
		objects.Add(in.file)
	}
	var files []*manifest.File
	for _, in := range inputs {
		files = append(files, in.file)
	}
	selection := manifest.Selection{Object: o.object, Container: o.container, Exclude: o.exclude}
	targets, err := manifest.Select(files, selection)
	if err != nil {
		return nil, nil, asBadInput(err)
	}
	if err := checkFlags(flags, targets); err != nil {
		return nil, nil, err
	}
	for _, object := range unsealedObjects(files) {
		unsealed = append(unsealed, object.Unsealed())
		if !selection.Excludes(object.Kind, object.Name) {
			fmt.Fprintln(s.err, "podseal: not sealed:", oneLine(object.Unsealed()))
		}
	}
	return inputs, unsealed, choose(inputs, targets, &objects, pod.Options{Flags: flags, AllowHostPath: o.allowHostPath})
}

// unsealedObjects returns the objects that seem to have containers that podseal does not seal.
func unsealedObjects(files []*manifest.File) []manifest.Object {
	var out []manifest.Object
	for _, f := range files {
		for _, o := range f.Objects {
			if o.Unsealed() != nil {
				out = append(out, o)
			}
		}
	}
	return out
}

// checkFlags refuses flags that can be meant for one container only.
func checkFlags(flags target.Target, targets []manifest.Target) error {
	for _, f := range []struct {
		given bool
		name  string
	}{{flags.Entrypoint != nil, "entrypoint"}, {flags.Args != nil, "arg"}, {flags.User != "", "user"}, {flags.WorkingDir != "", "workdir"}} {
		if f.given && len(targets) > 1 {
			return badInput("--%s is for one container, but %d are to be sealed: choose one with --container or --select: %s",
				f.name, len(targets), targetNames(targets))
		}
	}
	return nil
}

// targetNames lists the first of many.
func targetNames(targets []manifest.Target) string {
	var names []string
	for _, t := range targets {
		if len(names) == 10 {
			names = append(names, "...")
			break
		}
		names = append(names, t.Pod.String()+"/"+t.Container.Name)
	}
	return strings.Join(names, ", ")
}

// choose translates the pods that have a container to seal. Pods that have none may lack what they refer to.
func choose(inputs []*input, targets []manifest.Target, objects *pod.Objects, o pod.Options) error {
	chosen := map[*manifest.Pod][]string{}
	for _, t := range targets {
		chosen[t.Pod] = append(chosen[t.Pod], t.Container.Name)
	}
	for _, in := range inputs {
		for _, p := range in.file.Pods {
			if o.Chosen = chosen[p]; len(o.Chosen) == 0 {
				continue
			}
			read, err := pod.Read(p, objects, o)
			if err != nil {
				return asBadInput(deliver.Located(err))
			}
			in.pods = append(in.pods, podInput{pod: read, chosen: o.Chosen})
		}
	}
	return nil
}

// reader reads manifests from files, folders and stdin.
type reader struct {
	streams
	podPath string
	skipped []error // the files of folders that are no manifests, each with the reason
}

// all reads the arguments. A file that is named twice is read once.
func (r *reader) all(names []string) ([]*input, error) {
	l := inputList{seen: map[string]bool{}}
	for _, name := range names {
		if err := r.one(&l, name); err != nil {
			return nil, err
		}
	}
	return l.inputs, nil
}

// inputList collects inputs, each once.
type inputList struct {
	inputs []*input
	seen   map[string]bool
}

// add reads one manifest.
func (r *reader) add(l *inputList, name, path string, read func() ([]byte, error)) error {
	if l.seen[name] {
		return nil
	}
	l.seen[name] = true
	data, err := read()
	if err != nil {
		return err
	}
	file, err := manifest.Parse(name, data, r.podPath)
	if err != nil {
		return asBadInput(deliver.Located(err))
	}
	l.inputs = append(l.inputs, &input{file: file, path: path})
	return nil
}

// one reads one argument.
func (r *reader) one(l *inputList, name string) error {
	if name == "-" {
		return r.add(l, "stdin", "", func() ([]byte, error) { return readStdin(r.streams) })
	}
	st, err := os.Stat(name)
	if err != nil {
		return badInput("%w", plainPathError(err))
	}
	if !st.IsDir() {
		return r.plain(l, name)
	}
	if kustomizationIn(name) != "" {
		return r.add(l, "build of "+filepath.Clean(name), "", func() ([]byte, error) { return buildKustomization(name) })
	}
	return r.folder(l, name)
}

func (r *reader) plain(l *inputList, name string) error {
	return r.add(l, filepath.Clean(name), name, func() ([]byte, error) { return readPlain(name) })
}

// folder reads the manifests of a folder. Files that cannot be read or are no manifests are skipped, unless nothing is
// left.
func (r *reader) folder(l *inputList, name string) error {
	list, skipped, err := manifestsIn(name)
	if err != nil {
		return err
	}
	had := len(l.inputs)
	for _, file := range list {
		if _, err := os.Stat(file); err != nil { // a link that leads nowhere
			skipped = append(skipped, badInput("%w", plainPathError(err)))
		} else if err := r.plain(l, file); isUnreadable(err) {
			skipped = append(skipped, err)
		} else if err != nil {
			return err
		}
	}
	if len(l.inputs) == had && len(skipped) > 0 {
		return skipped[0]
	}
	r.skipped = append(r.skipped, skipped...)
	return nil
}

// isUnreadable reports whether an error is about a file that cannot be read, or is no manifest at all.
func isUnreadable(err error) bool {
	var foreign *yamledit.ForeignError
	return errors.Is(err, fs.ErrPermission) || errors.As(err, &foreign)
}

// readInput reads a file, or stdin for "-".
func readInput(s streams, name string) ([]byte, error) {
	if name == "-" {
		return readStdin(s)
	}
	return readPlain(name)
}

func readStdin(s streams) ([]byte, error) {
	data, err := io.ReadAll(s.in)
	if err != nil {
		return nil, badInput("reading stdin: %w", err)
	}
	return data, nil
}

func readPlain(name string) ([]byte, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, badInput("%w", plainPathError(err))
	}
	return data, nil
}
