package manifest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/golden"
)

// A golden is an input, the arguments of Parse and Select in its comment ("podPath | object | container | excluded ..."),
// and the containers that were found with the objects that are left, or the error.
func TestFind(t *testing.T) {
	golden.Run(t, "testdata/*.txtar", func(_ *testing.T, a *txtar.Archive) []txtar.File {
		args := strings.Split(strings.TrimSpace(string(a.Comment))+"|||", "|")
		word := func(i int) string { return strings.TrimSpace(args[i]) }
		return golden.Want(find(a.Files[0].Data, word(0), Selection{word(1), word(2), strings.Fields(word(3))}))
	})
}

func find(source []byte, podPath string, s Selection) string {
	f, err := Parse("in.yaml", source, podPath)
	if err != nil {
		return "error: " + err.Error() + "\n"
	}
	targets, err := Select([]*File{f}, s)
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
		if p.Generated {
			b.WriteString(" generates its name")
		}
		if p.Custom {
			b.WriteString(" custom")
		}
		if by := p.Controller(); by != nil {
			b.WriteString(" by " + by.Name)
		}
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
	for _, o := range f.Objects {
		fmt.Fprintf(&b, "object: line %d %s %s\n", o.Line, o.APIVersion, o)
		if err := o.Unsealed(); err != nil {
			fmt.Fprintf(&b, "  %v\n", err)
		}
	}
	return b.String()
}
