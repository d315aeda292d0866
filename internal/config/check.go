package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/strictyaml"
)

// checker collects what is wrong with the values of a file.
type checker struct {
	*File
	problems strictyaml.Problems
}

func (c *checker) fail(path, format string, args ...any) {
	c.problems = append(c.problems, strictyaml.NewProblem(c.File.name, c.Place(path), format, args...))
}

// check returns what is wrong with the values of a file that has no wrong keys and types.
func (f *File) check() strictyaml.Problems {
	c := checker{File: f}
	switch {
	case !f.has("version"):
		c.fail("", "version is missing: write version: %d", Version)
	case f.Version != Version:
		c.fail("version", "version is %d, but this podseal reads version %d only", f.Version, Version)
	}
	if len(f.Targets) == 0 {
		c.fail("targets", "there are no targets: list at least one with a name, an image or a manifest, and commands")
	}
	c.common("defaults", f.Defaults.Common)
	c.settings("defaults", f.Defaults.Settings)
	for name := range f.Services {
		c.service(strictyaml.ChildPath("services", name), name)
	}
	lines := map[string]strictyaml.Place{}
	for i, t := range f.Targets {
		path := fmt.Sprintf("targets[%d]", i)
		c.name(path, t.Name, lines)
		c.target(path, t)
	}
	c.needs()
	c.outputs()
	return c.problems
}

// has reports whether the file holds a value at a path.
func (f *File) has(path string) bool {
	_, ok := f.places[path]
	return ok
}

// maxName is the longest label of a host name.
const maxName = 63

var validName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)

// name checks the name of a target.
func (c *checker) name(path, name string, lines map[string]strictyaml.Place) {
	at := path + ".name"
	switch first, known := lines[name]; {
	case !c.has(at):
		c.fail(path, "the target has no name: add name: NAME")
	case !isName(name):
		c.fail(at, "%q is not a name: use small letters, digits and - (at most %d)", name, maxName)
	case known:
		c.fail(at, "duplicate name %s: the first is in line %d", name, first.Line)
	case c.has(strictyaml.ChildPath("services", name)):
		c.fail(at, "duplicate name %s: a service in line %d has it", name, c.Place(strictyaml.ChildPath("services", name)).Line)
	default:
		lines[name] = c.Place(at)
	}
}

// isName reports whether a text can name a target or a service: it is a label of a host name.
func isName(s string) bool { return len(s) <= maxName && validName.MatchString(s) }

// manifestKeys returns the keys of a target that say something about its manifest.
func manifestKeys() []string {
	return []string{"container", "service", "select", "exclude", "with", "values", "set", "params", "standIns", "podPath", "allowHostPath"}
}

func (c *checker) target(path string, t Target) {
	image, manifest := c.has(path+".image"), c.has(path+".manifest")
	switch {
	case image && manifest:
		c.fail(path+".manifest", "the target has an image and a manifest: keep one")
	case !image && !manifest:
		c.fail(path, "the target has no image and no manifest: add one")
	case image && t.Image == "":
		c.fail(path+".image", "image is empty")
	case manifest && len(t.Manifest) == 0:
		c.fail(path+".manifest", "manifest is empty")
	}
	for _, key := range manifestKeys() {
		if !manifest && c.has(path+"."+key) {
			c.fail(path+"."+key, "%s is about a manifest, but the target has an image", key)
		}
	}
	for i, name := range t.Manifest {
		if name == "-" || name == "" {
			c.fail(c.item(path+".manifest", i), "manifest must name a file or a folder")
		}
	}
	c.runtime(path, t.Runtime)
	c.settings(path, t.Settings)
	c.commands(path, t)
	if manifest && slices.Contains([]string{"host", "none"}, t.Network) || manifest && strings.HasPrefix(t.Network, "container:") {
		c.fail(path+".network", "network %s does not work with a manifest: the containers of a pod have a separate network", t.Network)
	}
}

// item returns the path of an item of a list that may be written as a single text.
func (c *checker) item(path string, i int) string {
	if at := fmt.Sprintf("%s[%d]", path, i); c.has(at) {
		return at
	}
	return path
}

// commands checks the e2e commands of a target.
func (c *checker) commands(path string, t Target) {
	if !c.has(path + ".commands") {
		c.fail(path, "the target has no commands: list the e2e commands, or write commands: [] to check only that it becomes ready")
		return
	}
	suites := map[string]bool{}
	for i, command := range t.Commands {
		at := fmt.Sprintf("%s.commands[%d]", path, i)
		switch {
		case command.Suite != "":
			if suites[command.Suite] {
				c.fail(at+".suite", "duplicate suite %s", command.Suite)
			}
			suites[command.Suite] = true
			c.suite(at, command, t.Completes)
		case c.has(at + ".suite"):
			c.fail(at+".suite", "the suite has an empty name")
		case c.has(at + ".commands"):
			c.fail(at+".commands", "commands without a suite: add suite: NAME")
		default:
			c.step(at, Step{command.Line, command.Exec}, t.Completes)
		}
	}
}

func (c *checker) suite(at string, command Command, completes bool) {
	if c.has(at + ".exec") {
		c.fail(at+".exec", "exec stands next to a suite: move it into the commands of the suite")
	}
	if len(command.Commands) == 0 {
		c.fail(at, "suite %s has no commands", command.Suite)
	}
	for i, step := range command.Commands {
		c.step(fmt.Sprintf("%s.commands[%d]", at, i), step, completes)
	}
}

func (c *checker) step(at string, step Step, completes bool) {
	switch {
	case strings.TrimSpace(step.Line+step.Exec) == "":
		c.fail(at, "the command is empty: give a shell line, or exec: LINE")
	case step.Exec != "" && completes:
		c.fail(at, "exec with completes: the container has ended when the command is due; use a command on this machine")
	}
}
