// Package helmchart renders the chart of a folder or an archive to manifests, as helm template does: from local files only,
// without a cluster.
package helmchart

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/strvals"

	"github.com/podseal/podseal/internal/infile"
)

// Values are the values that the user gives for a chart.
type Values struct {
	Files []string // values files; a later one wins
	Set   []string // NAME=VALUE, as helm's --set reads it; wins over the files
}

// Is reports whether a name is that of a chart: a folder with a Chart.yaml, or an archive.
func Is(name string) bool {
	if st, err := os.Stat(filepath.Join(name, chartutil.ChartfileName)); err == nil {
		return !st.IsDir()
	}
	return strings.HasSuffix(name, ".tgz")
}

// Render returns the manifests of the chart as one YAML stream, in the order of its templates. The release is named after
// the chart, in the namespace "default". Hooks that test the release are left out.
func Render(ctx context.Context, name string, v Values) (Output, error) {
	c, err := loader.Load(name)
	if err != nil {
		return Output{}, fmt.Errorf("loading the chart %s: %w", name, err)
	}
	if err := checkDependencies(c); err != nil {
		return Output{}, fmt.Errorf("loading the chart %s: %w", name, err)
	}
	values, err := v.read(ctx)
	if err != nil {
		return Output{}, err
	}
	files, err := render(c, values)
	if err != nil {
		return Output{}, fmt.Errorf("rendering the chart %s: %w", name, err)
	}
	out := Output{Text: join(files), folder: name, templates: map[string]string{}}
	addTemplates(out.templates, c)
	return out, nil
}

// addTemplates adds the templates of a chart and of those that it depends on.
func addTemplates(to map[string]string, c *chart.Chart) {
	for _, t := range c.Templates {
		to[path.Join(c.ChartFullPath(), t.Name)] = string(t.Data)
	}
	for _, d := range c.Dependencies() {
		addTemplates(to, d)
	}
}

// checkDependencies returns an error if the folder lacks a chart that the chart depends on.
func checkDependencies(c *chart.Chart) error {
	for _, d := range c.Metadata.Dependencies {
		has := func(sub *chart.Chart) bool { return sub.Name() == d.Name }
		if !slices.ContainsFunc(c.Dependencies(), has) {
			return fmt.Errorf("the folder charts lacks %s, which Chart.yaml depends on: run helm dependency build", d.Name)
		}
	}
	return nil
}

// read merges the values.
func (v Values) read(ctx context.Context) (map[string]any, error) {
	out := map[string]any{}
	for _, name := range v.Files {
		data, err := infile.Read(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("--values: %w", err)
		}
		file, err := chartutil.ReadValues(data)
		if err != nil {
			return nil, fmt.Errorf("--values %s: %w", name, err)
		}
		out = chartutil.MergeTables(file, out) // the first one wins
	}
	for _, set := range v.Set {
		if err := strvals.ParseInto(set, out); err != nil {
			return nil, fmt.Errorf("--set %s: %w: give NAME=VALUE", set, err)
		}
	}
	return out, nil
}

// render returns what the templates produce, by the names of their files.
func render(c *chart.Chart, values map[string]any) (map[string]string, error) {
	if err := chartutil.ProcessDependenciesWithMerge(c, values); err != nil {
		return nil, err
	}
	release := chartutil.ReleaseOptions{Name: c.Name(), Namespace: "default", Revision: 1, IsInstall: true}
	top, err := chartutil.ToRenderValues(c, values, release, capabilities())
	if err != nil {
		return nil, err
	}
	return engine.Render(c, top)
}

// capabilities describes the cluster that charts are rendered for. The library's own default is a version of 2020.
func capabilities() *chartutil.Capabilities {
	c := chartutil.DefaultCapabilities.Copy()
	c.KubeVersion = chartutil.KubeVersion{Version: "v1.34.0", Major: "1", Minor: "34"}
	return c
}

// join makes one stream of the files that have a document, and names the template of each.
func join(files map[string]string) []byte {
	var names []string
	for name := range files {
		base := path.Base(name)
		if !strings.HasPrefix(base, "_") && slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(base)) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var out strings.Builder
	for _, name := range names {
		for _, document := range documents(files[name]) {
			fmt.Fprintf(&out, "---\n%s%s\n%s\n", sourceMark, name, document)
		}
	}
	return []byte(out.String())
}

// documents splits the text of a template, without empty documents and tests.
func documents(text string) []string {
	var out []string
	for _, document := range strings.Split("\n"+text, "\n---") {
		document = strings.TrimSpace(document)
		if !isEmpty(document) && !isTest(document) {
			out = append(out, document)
		}
	}
	return out
}

// isEmpty reports whether a document has nothing but comments.
func isEmpty(document string) bool {
	for line := range strings.Lines(document) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			return false
		}
	}
	return true
}

// isTest reports whether a document is a hook that tests a release.
func isTest(document string) bool {
	object, err := chartutil.ReadValues([]byte(document))
	if err != nil {
		return false // the manifest's reader reports it with its line
	}
	metadata, err := object.Table("metadata.annotations")
	if err != nil {
		return false
	}
	hook, _ := metadata["helm.sh/hook"].(string)
	return hook == "test" || hook == "test-success" || hook == "test-failure"
}
