package input

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/podseal/podseal/internal/infile"
	"github.com/podseal/podseal/internal/yamledit"
)

// kustomizationIn returns the file that makes a folder a kustomization, or "".
func kustomizationIn(folder string) string {
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		file := filepath.Join(folder, name)
		if st, err := os.Stat(file); err == nil && !st.IsDir() {
			return file
		}
	}
	return ""
}

// IsKustomization reports whether a folder holds a kustomization.
func IsKustomization(folder string) bool { return kustomizationIn(folder) != "" }

// buildKustomization does what kustomize build does, from files only: nothing is fetched, no plugin runs. A component in
// the folder without is left out.
func buildKustomization(ctx context.Context, folder, without string) ([]byte, error) {
	if err := refuseRemote(ctx, folder, without, map[string]bool{}); err != nil {
		return nil, err
	}
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionUnspecified // as kustomize build has it
	made, err := krusty.MakeKustomizer(options).Run(withoutComponent{filesys.MakeFsOnDisk(), without}, folder)
	if err != nil {
		return nil, kustomizeError(folder, err)
	}
	out, err := made.AsYaml()
	if err != nil {
		return nil, kustomizeError(folder, err)
	}
	return out, nil
}

// kustomization are the fields of a kustomization that name files or folders, or what the library would fetch.
type kustomization struct {
	Resources             []string            `json:"resources"`
	Bases                 []string            `json:"bases"`
	Components            []string            `json:"components"`
	Generators            []string            `json:"generators"`
	Transformers          []string            `json:"transformers"`
	Validators            []string            `json:"validators"`
	CRDs                  []string            `json:"crds"`
	Configurations        []string            `json:"configurations"`
	PatchesStrategicMerge []string            `json:"patchesStrategicMerge"`
	Patches               []kustomizationPath `json:"patches"`
	PatchesJSON6902       []kustomizationPath `json:"patchesJson6902"`
	Replacements          []kustomizationPath `json:"replacements"`
	OpenAPI               map[string]string   `json:"openapi"`
	ConfigMapGenerator    []generatorFiles    `json:"configMapGenerator"`
	SecretGenerator       []generatorFiles    `json:"secretGenerator"`
}

type kustomizationPath struct {
	Path string `json:"path"`
}

type generatorFiles struct {
	Files []string `json:"files"`
	Env   string   `json:"env"`
	Envs  []string `json:"envs"`
}

// refuseRemote refuses a kustomization that the library would fetch a part of: it offers no way to forbid that.
func refuseRemote(ctx context.Context, folder, without string, seen map[string]bool) error {
	folder = filepath.Clean(folder)
	file := kustomizationIn(folder)
	if seen[folder] || file == "" {
		return nil
	}
	seen[folder] = true
	data, err := infile.Read(ctx, file)
	if err != nil {
		return err
	}
	var k kustomization
	for _, into := range []any{&k, &types.Kustomization{}} { // the library's own error of a wrong type has no plain words
		if err := yaml.Unmarshal(data, into); err != nil {
			return fmt.Errorf("reading %s: %w", file, plainYAMLError(err))
		}
	}
	k.Components = slices.DeleteFunc(k.Components, func(entry string) bool { return isEntry(folder, entry, without) })
	for _, entry := range k.files() {
		if strings.Contains(entry, "://") && !strings.Contains(entry, "\n") {
			return remote(file, entry)
		}
	}
	for _, entry := range k.files() {
		if strings.Contains(entry, "\n") || entry == "" { // written out in place
			continue
		}
		at := filepath.Join(folder, entry)
		if filepath.IsAbs(entry) {
			at = entry
		}
		st, err := os.Stat(at)
		switch {
		case err != nil:
			return remote(file, entry)
		case !st.IsDir() && !within(folder, at):
			return fmt.Errorf("%s names %s, a file outside its folder, which kustomize does not read: move it below %s, or name the folder of a kustomization", file, entry, folder)
		case st.IsDir():
			if err := refuseRemote(ctx, at, without, seen); err != nil {
				return err
			}
		}
	}
	return nil
}

// within reports whether a file is in a folder or below.
func within(folder, file string) bool {
	relative, err := filepath.Rel(place(folder), place(file))
	return err == nil && filepath.IsLocal(relative)
}

// plainYAMLError words an error of the YAML library without its intermediate steps.
func plainYAMLError(err error) error {
	if bad := new(json.UnmarshalTypeError); errors.As(err, &bad) {
		return errors.New(yamledit.DescribeType(bad))
	}
	text := err.Error()
	for _, step := range []string{"error converting YAML to JSON: ", "yaml: "} {
		text = strings.TrimPrefix(text, step)
	}
	return fmt.Errorf("not YAML: %s", text)
}

func remote(file, entry string) error {
	return fmt.Errorf("%s names %s, which is no file or folder here: podseal builds from files only and fetches nothing; for a remote one, pipe kustomize build into podseal run -f -", file, entry)
}

// files returns the entries that name a file, without the keys of generators.
func (k kustomization) files() []string {
	out := slices.Concat(k.Resources, k.Bases, k.Components, k.Generators, k.Transformers, k.Validators, k.CRDs, k.Configurations,
		k.PatchesStrategicMerge)
	for _, p := range slices.Concat(k.Patches, k.PatchesJSON6902, k.Replacements) {
		out = append(out, p.Path)
	}
	out = append(out, k.OpenAPI["path"])
	for _, g := range slices.Concat(k.ConfigMapGenerator, k.SecretGenerator) {
		out = append(out, g.Env)
		for _, f := range slices.Concat(g.Files, g.Envs) {
			_, path, keyed := strings.Cut(f, "=")
			if !keyed {
				path = f
			}
			out = append(out, path)
		}
	}
	return out
}
