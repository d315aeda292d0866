package config

import (
	"fmt"
	"path/filepath"
	"strings"
)

// namePlaceholder stands for the name of a target in the files of its outputs.
const namePlaceholder = "{name}"

// files returns the files that a target writes, by key.
func (o Outputs) files() []struct{ key, name string } {
	return []struct{ key, name string }{
		{"manifest", o.Manifest}, {"networkPolicy", o.NetworkPolicy}, {"podSecurity", o.PodSecurity}, {"seal", o.Seal},
	}
}

// outputs checks the files of all targets: each is written once.
func (c *checker) outputs() {
	writers := map[string]string{}
	for i, t := range c.Targets {
		path := fmt.Sprintf("targets[%d].outputs", i)
		resolved := c.Resolve(i)
		c.outputsOf(path, resolved)
		for _, f := range resolved.Outputs.files() {
			if f.name == "" {
				continue
			}
			place := filepath.Clean(f.name)
			if first, ok := writers[place]; ok {
				at := c.outputPlace(path, f.key)
				c.fail(at, "%s would be written by target %s and by target %s: name different files, for example with %s", f.name, first, t.Name, namePlaceholder)
			}
			writers[place] = t.Name
		}
	}
}

// outputPlace returns the path of an output: that of the target, or that of the defaults.
func (c *checker) outputPlace(path, key string) string {
	if own := path + "." + key; c.has(own) {
		return own
	}
	return "defaults.outputs." + key
}

// outputsOf checks the outputs of one target against what it seals.
func (c *checker) outputsOf(path string, t Target) {
	o := t.Outputs
	manifest := len(t.Manifest) > 0
	switch {
	case o.InPlace && !manifest:
		c.fail(c.outputPlace(path, "inPlace"), "inPlace changes manifests, but target %s has an image", t.Name)
	case o.InPlace && o.Manifest != "":
		c.fail(c.outputPlace(path, "manifest"), "target %s is written in place: leave out manifest", t.Name)
	case o.InPlace && o.Format != "" && o.Format != "yaml":
		c.fail(c.outputPlace(path, "format"), "inPlace needs the format yaml, not %s", o.Format)
	}
	switch o.Format {
	case FormatStrategicMerge, FormatJSONPatch, FormatKustomize:
		if !manifest {
			c.fail(c.outputPlace(path, "format"), "format %s changes a manifest, but target %s has an image", o.Format, t.Name)
		}
	}
	if o.Egress && o.NetworkPolicy == "" {
		c.fail(c.outputPlace(path, "egress"), "egress adds to the file of networkPolicy: target %s has none", t.Name)
	}
	if o.Format == FormatKustomize && o.Manifest == "" {
		c.fail(c.outputPlace(path, "format"), "format kustomize writes a folder: name it with manifest")
	}
}

// named returns the outputs of a target with its name in place of {name}.
func (o Outputs) named(name string) Outputs {
	for _, f := range []*string{&o.Manifest, &o.NetworkPolicy, &o.PodSecurity, &o.Seal} {
		*f = strings.ReplaceAll(*f, namePlaceholder, name)
	}
	return o
}
