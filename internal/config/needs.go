package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/strictyaml"
)

// service checks a service.
func (c *checker) service(path, name string) {
	s := c.Services[name]
	image, compose := c.has(path+".image"), c.has(path+".compose")
	switch {
	case !isName(name):
		c.fail(path, "%q is not a name: use small letters, digits and - (at most %d)", name, maxName)
	case image && compose:
		c.fail(path+".compose", "the service has an image and a Compose file: keep one")
	case !image && !compose:
		c.fail(path, "the service %s has no image and no Compose file: add one", name)
	case image && s.Image == "":
		c.fail(path+".image", "image is empty")
	case compose && s.Compose == "":
		c.fail(path+".compose", "compose is empty: name a Compose file")
	}
	if image && c.has(path+".services") {
		c.fail(path+".services", "services is about a Compose file, but the service has an image")
	}
	for _, key := range []string{"entrypoint", "args", "user", "workdir", "ports", "platform", "env", "envFiles", "ready", "labels"} {
		if compose && c.has(path+"."+key) {
			c.fail(path+"."+key, "%s does not work with compose: the Compose file says it", key)
		}
	}
	c.runtime(path, s.Runtime)
}

// needs checks what each target needs, and that no target needs itself.
func (c *checker) needs() {
	known := map[string]bool{}
	for _, t := range c.Targets {
		known[t.Name] = true
	}
	for name := range c.Services {
		known[name] = true
	}
	for i, t := range c.Targets {
		for j, n := range t.Needs {
			path := fmt.Sprintf("targets[%d].needs[%d]", i, j)
			switch {
			case n.Name == "" && n.Compose == "":
				c.fail(path, "the need is empty: name a service or a target, or give compose: FILE")
			case n.Compose == "" && !known[n.Name]:
				c.fail(path, "there is no service and no target %q%s", n.Name, strictyaml.Suggestion(n.Name, known))
			}
		}
		if network := fmt.Sprintf("targets[%d].network", i); len(t.Needs) > 0 && c.has(network) {
			c.fail(network, "network does not work with needs: what a target needs runs with it on a separate network")
		}
	}
	c.cycles()
}

// cycles refuses targets that need themselves by way of others. Each cycle is reported once.
func (c *checker) cycles() {
	done := map[string]bool{}
	var chain []string
	var visit func(name, from string)
	visit = func(name, from string) {
		if at := slices.Index(chain, name); at >= 0 {
			c.fail(from, "the targets need each other: %s", strings.Join(append(slices.Clone(chain[at:]), name), " needs "))
			return
		}
		if done[name] {
			return
		}
		t, i := c.Target(name)
		chain = append(chain, name)
		for j, n := range t.Needs {
			visit(n.Name, fmt.Sprintf("targets[%d].needs[%d]", i, j))
		}
		chain = chain[:len(chain)-1]
		done[name] = true
	}
	for _, t := range c.Targets {
		visit(t.Name, "")
	}
}

// NeededTargets returns the targets that some targets need, directly or by way of others, sorted by name.
func (f *File) NeededTargets(names []string) []string {
	found := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		t, _ := f.Target(name)
		for _, n := range t.Needs {
			if _, i := f.Target(n.Name); i >= 0 && !found[n.Name] {
				found[n.Name] = true
				visit(n.Name)
			}
		}
	}
	for _, name := range names {
		visit(name)
	}
	return slices.Sorted(maps.Keys(found))
}
