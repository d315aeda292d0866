package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/pod"
	"github.com/podseal/podseal/internal/target"
)

// inputOptions are the flags that say where manifests are, and which of their containers are meant.
type inputOptions struct {
	files, with       []string
	object, container string
	podPath           string
	allowHostPath     bool
}

func (o *inputOptions) addFlags(f *pflag.FlagSet) {
	f.StringArrayVarP(&o.files, "filename", "f", nil, "seal the containers of a manifest: a `FILE`, a folder of them, a kustomization's folder, or - for stdin (repeatable)")
	f.StringVarP(&o.container, "container", "c", "", "seal only the manifest's container of this `NAME`")
	f.StringVar(&o.object, "select", "", "seal only the containers of one object of the manifest, as `KIND/NAME`")
	f.StringArrayVar(&o.with, "with", nil, "take ConfigMaps and Secrets that the manifest refers to from a `FILE`, too (repeatable)")
	f.StringVar(&o.podPath, "pod-path", "", "the `PATH` to the pod in objects of a kind that podseal does not know, as in spec.template.spec")
	f.BoolVar(&o.allowHostPath, "allow-hostpath", false, "give the pod the folders of this machine that it asks for (hostPath)")
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
// win over the pod.
func readInputs(s streams, o inputOptions, flags target.Target) ([]*input, error) {
	inputs, err := readFiles(s, o.files, o.podPath)
	if err != nil {
		return nil, err
	}
	with, err := readFiles(s, o.with, o.podPath)
	if err != nil {
		return nil, err
	}
	var objects pod.Objects
	for _, in := range slices.Concat(with, inputs) {
		objects.Add(in.file)
	}
	var files []*manifest.File
	for _, in := range inputs {
		files = append(files, in.file)
	}
	targets, err := manifest.Select(files, o.object, o.container)
	if err != nil {
		return nil, asBadInput(err)
	}
	if err := checkFlags(flags, targets); err != nil {
		return nil, err
	}
	return inputs, choose(inputs, targets, &objects, pod.Options{Flags: flags, AllowHostPath: o.allowHostPath})
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
				return asBadInput(err)
			}
			in.pods = append(in.pods, podInput{pod: read, chosen: o.Chosen})
		}
	}
	return nil
}

// readFiles reads what was given: files, folders and stdin. A file that comes twice is read once.
func readFiles(s streams, names []string, podPath string) ([]*input, error) {
	var out []*input
	seen := map[string]bool{}
	add := func(name string, read func() ([]byte, error), path string) error {
		if seen[name] {
			return nil
		}
		seen[name] = true
		data, err := read()
		if err != nil {
			return err
		}
		file, err := manifest.Parse(name, data, podPath)
		if err != nil {
			return asBadInput(err)
		}
		out = append(out, &input{file: file, path: path})
		return nil
	}
	for _, name := range names {
		if err := readOne(s, name, add); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// addInput reads a manifest of a name, once, and takes it in.
type addInput func(name string, read func() ([]byte, error), path string) error

// readOne adds what one argument names.
func readOne(s streams, name string, add addInput) error {
	if name == "-" {
		return add("stdin", func() ([]byte, error) { return readStdin(s) }, "")
	}
	st, err := os.Stat(name)
	if err != nil {
		return badInput("%w", plainPathError(err))
	}
	plain := func(name string) error {
		return add(filepath.Clean(name), func() ([]byte, error) { return readPlain(name) }, name)
	}
	if !st.IsDir() {
		return plain(name)
	}
	if kustomizationIn(name) != "" {
		return add("build of "+filepath.Clean(name), func() ([]byte, error) { return buildKustomization(name) }, "")
	}
	list, err := manifestsIn(name)
	if err != nil {
		return err
	}
	for _, file := range list {
		if err := plain(file); err != nil {
			return err
		}
	}
	return nil
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
