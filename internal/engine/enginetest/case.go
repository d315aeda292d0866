package enginetest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/engine/enginetest/script"
	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/image"
)

// Case is the parsed archive that an Engine runs.
type Case struct {
	Facts   image.Facts    // Ref is "app"
	Tree    *image.MemTree // of the image
	Script  script.Script  // of the application
	Source  string         // of Script
	Options []Option       // lines of the configuration that the engine does not use, in order
}

// Option is one line of a case's configuration that is meant for the test.
type Option struct {
	Name  string // the first word
	Value string // the rest of the line; may be empty
}

// Parse makes an engine that runs the application of an archive. The package documentation describes the archive.
func Parse(a *txtar.Archive) (*Engine, Case, error) {
	c := Case{Facts: image.Facts{Ref: "app", Config: &v1.ConfigFile{}}}
	capable := c.parseConfig(golden.Section(a, "config"))
	var err error
	if c.Tree, err = parseTree(a, capable); err != nil {
		return nil, Case{}, err
	}
	c.Source = golden.Section(a, "app")
	if c.Script, err = script.Parse(c.Source); err != nil {
		return nil, Case{}, err
	}
	e, err := New(c)
	return e, c, err
}

// parseConfig fills in the image's configuration and the options. It returns the paths that have a file capability.
func (c *Case) parseConfig(text string) (capable []string) {
	config := &c.Facts.Config.Config
	config.Volumes, config.ExposedPorts = map[string]struct{}{}, map[string]struct{}{}
	for line := range strings.Lines(text) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "":
		case "user":
			config.User = rest
		case "workdir":
			config.WorkingDir = rest
		case "env":
			config.Env = append(config.Env, rest)
		case "volume":
			config.Volumes[rest] = struct{}{}
		case "expose":
			config.ExposedPorts[rest+"/tcp"] = struct{}{}
		case "entrypoint":
			config.Entrypoint = strings.Fields(rest)
		case "filecap":
			capable = append(capable, rest)
		default:
			c.Options = append(c.Options, Option{Name: word, Value: rest})
		}
	}
	return capable
}

// netBind is the security.capability attribute of a file with cap_net_bind_service=ep.
const netBind = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// maxEntries bounds the entries of an image.
const maxEntries = 10000

// parseTree reads the image's tree. An image with /bin/sh gets the other programs that init containers run.
func parseTree(a *txtar.Archive, capable []string) (*image.MemTree, error) {
	listed, err := image.ParseMemTree(golden.Section(a, "image"))
	if err != nil {
		return nil, fmt.Errorf("section image: %w", err)
	}
	entries, _, err := listed.List(context.Background(), "/", maxEntries)
	if err != nil {
		return nil, fmt.Errorf("section image: %w", err)
	}
	for i := range entries {
		if slices.Contains(capable, entries[i].Path) {
			entries[i].Caps = netBind
		}
	}
	named := func(p string) bool {
		return slices.ContainsFunc(entries, func(e image.Entry) bool { return e.Path == p })
	}
	if named("/bin/sh") {
		for _, p := range programs() {
			if !named(p.Path) {
				entries = append(entries, p)
			}
		}
	}
	content := map[string]string{}
	for _, f := range a.Files {
		if strings.HasPrefix(f.Name, "/") {
			content[f.Name] = string(f.Data)
		}
	}
	return image.NewMemTree(entries, content), nil
}

// programs returns the programs that an init container runs.
func programs() []image.Entry {
	var out []image.Entry
	for _, name := range []string{"sh", "chmod", "cp", "mkdir", "mv", "rm"} {
		out = append(out, image.Entry{Path: "/bin/" + name, Kind: image.File, Mode: 0o755})
	}
	return out
}
