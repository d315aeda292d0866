package manifest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/golden"
)

// A golden is an input, the arguments of Parse and Select in its comment ("podPath | object | container"), and the
// containers that were found, or the error.
func TestFind(t *testing.T) {
	golden.Run(t, "testdata/*.txtar", func(_ *testing.T, a *txtar.Archive) []txtar.File {
		args := strings.SplitN(strings.TrimSpace(string(a.Comment))+"||", "|", 4)
		return golden.Want(find(a.Files[0].Data, strings.TrimSpace(args[0]), strings.TrimSpace(args[1]), strings.TrimSpace(args[2])))
	})
}

func find(source []byte, podPath, object, container string) string {
	f, err := Parse("in.yaml", source, podPath)
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	targets, err := f.Select(object, container)
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	var b strings.Builder
	for _, x := range targets {
		p, c := x.Pod, x.Container
		kind := "container"
		if c.Init {
			kind = "init container"
		}
		fmt.Fprintf(&b, "document %d line %d %s %s/%s at %s: %s %d %s line %d image %s", p.Document.Index, p.Line, p.Kind, p.Namespace, p.Name,
			p.Path, kind, c.Index, c.Name, c.Line, c.Image)
		if len(p.Meta.Labels) > 0 {
			fmt.Fprintf(&b, " labels %v", p.Meta.Labels)
		}
		if len(p.Claims) > 0 {
			fmt.Fprintf(&b, " claims %v", p.Claims)
		}
		if len(c.Command)+len(c.Args) > 0 {
			fmt.Fprintf(&b, " runs %q %q", c.Command, c.Args)
		}
		b.WriteByte('\n')
	}
	for _, o := range f.Others {
		fmt.Fprintf(&b, "other: line %d %s %s %s %s\n", o.Line, o.APIVersion, o.Kind, o.Name, o.PodAt)
	}
	return b.String()
}
