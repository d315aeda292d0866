// Package composefile converts the services of a Compose file to a pod: one container a service, with their variables, ports,
// volumes, configs and secrets.
package composefile

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"sigs.k8s.io/yaml"

	"github.com/podseal/podseal/internal/infile"
)

// Is reports whether a source is a Compose file: a mapping with services, and no Kubernetes object.
func Is(source []byte) bool {
	var top struct {
		Kind     string         `json:"kind"`
		Services map[string]any `json:"services"`
	}
	if !bytes.Contains(source, []byte("services")) { // most sources are manifests, and parsing takes long
		return false
	}
	return yaml.Unmarshal(source, &top) == nil && top.Kind == "" && len(top.Services) > 0
}

// Convert returns the manifest of a Compose file's services, and notes on the settings that no field of a pod expresses.
// The environment fills in the file's variables. Files that the Compose file refers to are read.
func Convert(ctx context.Context, name string, source []byte, environment []string) (manifest []byte, notes []string, err error) {
	p, err := Read(ctx, name, source, environment)
	if err != nil {
		return nil, nil, err
	}
	return p.convert(p.project.Name, serviceNames(p.project))
}

// Project is a Compose file with its variables filled in.
type Project struct {
	read         func(name string) ([]byte, error) // a file that the Compose file refers to
	name, folder string
	project      *types.Project
}

// Read reads a Compose file and the files with variables and labels that it names. The environment fills in the file's variables.
func Read(ctx context.Context, name string, source []byte, environment []string) (*Project, error) {
	folder, err := filepath.Abs(filepath.Dir(name))
	if err != nil {
		return nil, fmt.Errorf("reading the Compose file %s: %w", name, err)
	}
	details := types.ConfigDetails{
		WorkingDir: folder, Environment: types.NewMapping(environment),
		ConfigFiles: []types.ConfigFile{{Filename: name, Content: source}},
	}
	project, err := loader.LoadWithContext(ctx, details, func(o *loader.Options) {
		o.SetProjectName(projectName(folder), false)
		o.SkipInclude = true // it may name a remote file
		o.SkipResolveEnvironment, o.SkipResolveLabels = true, true
	})
	if err == nil {
		err = checkFiles(project)
	}
	if err == nil {
		project, err = project.WithServicesEnvironmentResolved(false)
	}
	if err == nil {
		project, err = project.WithServicesLabelsResolved(false)
	}
	if err != nil {
		return nil, fault(name, source, err)
	}
	read := func(name string) ([]byte, error) { return infile.Read(ctx, name) }
	return &Project{read: read, name: name, folder: folder, project: project}, nil
}

// checkFiles checks the files that the library reads for services, each as a whole.
func checkFiles(p *types.Project) error {
	for _, s := range p.Services {
		files := slices.Clone(s.LabelFiles)
		for _, e := range s.EnvFiles {
			files = append(files, e.Path)
		}
		for _, file := range files {
			if err := infile.Check(file); err != nil {
				return fmt.Errorf("service %s: %w", s.Name, err)
			}
		}
	}
	return nil
}

// convert returns the manifest of a pod of a name with some services.
func (p *Project) convert(name string, services []string) (manifest []byte, notes []string, err error) {
	c := converter{read: p.read, project: p.project, folder: p.folder, name: name}
	if err := c.convert(services); err != nil {
		return nil, nil, fmt.Errorf("converting the Compose file %s: %w", p.name, err)
	}
	manifest, err = c.manifest()
	return manifest, c.notes, err
}

// projectName returns the name of a folder as Compose makes a project's name of it.
func projectName(folder string) string {
	name := loader.NormalizeProjectName(filepath.Base(folder))
	if name == "" {
		return "compose"
	}
	return name
}

// serviceNames returns the services in the order of their starts: each after those that it depends on.
func serviceNames(p *types.Project) []string {
	var order []string
	var visit func(name string)
	visiting := map[string]bool{}
	visit = func(name string) {
		if visiting[name] || slices.Contains(order, name) {
			return
		}
		visiting[name] = true
		for _, needed := range slices.Sorted(slices.Values(p.Services[name].GetDependencies())) {
			if _, ok := p.Services[needed]; ok {
				visit(needed)
			}
		}
		order = append(order, name)
	}
	names := p.ServiceNames()
	slices.Sort(names)
	for _, name := range names {
		visit(name)
	}
	return order
}

// objectName returns a name as Kubernetes allows it for objects and containers.
func objectName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
	return strings.Trim(name[:min(len(name), 63)], "-")
}
