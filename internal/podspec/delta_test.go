package podspec

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"

	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/tree"
)

// TestSeal seals the pod of each archive in testdata/delta: "pod" is its spec, "sealed" the list of profiles, "options" what
// else is known of the pod ("limited", "claim NAME", "containers only"). "want" is the edit: "=" a replaced list, "-" a
// removed key, "[n]" an item that changes, "^" one that goes first, "+" one that is added.
func TestSeal(t *testing.T) {
	golden.Run(t, "testdata/delta/*.txtar", func(t *testing.T, a *txtar.Archive) []txtar.File {
		pod, containersOnly := podOf(t, a)
		var sealed []Sealed
		unmarshal(t, golden.Section(a, "sealed"), &sealed)
		run := Seal
		if containersOnly {
			run = SealContainers
		}
		d, err := run(pod, sealed)
		var blamed *Error
		if errors.As(err, &blamed) {
			return golden.Want(fmt.Sprintf("error of container %q: %s\n", blamed.Container, err))
		}
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		show(&b, "", d.Edit)
		for _, k := range d.Kept {
			fmt.Fprintf(&b, "kept %s\n", strings.Join(strings.Fields(k.Container+" "+k.Field+" "+k.Have+": "+k.Why), " "))
		}
		for _, field := range slices.Sorted(maps.Keys(d.Why)) {
			fmt.Fprintf(&b, "why %s: %s\n", field, d.Why[field])
		}
		return golden.Want(b.String())
	})
}

// podOf returns the pod of an archive. An init container whose name starts with "seed-" is that of an earlier seal.
func podOf(t *testing.T, a *txtar.Archive) (pod Pod, containersOnly bool) {
	t.Helper()
	pod.Title = "Deployment web"
	unmarshal(t, golden.Section(a, "pod"), &pod.Spec)
	for i, c := range pod.Spec.InitContainers {
		pod.Containers = append(pod.Containers, Container{Container: c, Init: true, Index: i, Seed: IsSeed(c)})
	}
	for i, c := range pod.Spec.Containers {
		pod.Containers = append(pod.Containers, Container{Container: c, Index: i})
	}
	for line := range strings.Lines(golden.Section(a, "options")) {
		switch word, rest, _ := strings.Cut(strings.TrimSpace(line), " "); word {
		case "limited":
			pod.Limited, pod.NoInit = "Knative", true
		case "claim":
			pod.Claims = append(pod.Claims, rest)
		case "containers":
			containersOnly = true
		}
	}
	return pod, containersOnly
}

func unmarshal(t *testing.T, text string, into any) {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(text), into); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
}

// show writes an edit, one field a line.
func show(b *strings.Builder, indent string, v any) {
	list := func(sign string, items []any) {
		for _, item := range items {
			b.WriteString(indent + sign)
			show(b, indent+"  ", item)
		}
	}
	switch v := v.(type) {
	case tree.Object:
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		for _, f := range v {
			fmt.Fprintf(b, "%s%s:", indent, f.Key)
			show(b, indent+"  ", f.Value)
		}
	case tree.Items:
		b.WriteString("\n")
		for _, at := range v.At {
			fmt.Fprintf(b, "%s[%d]", indent, at.Index)
			show(b, indent+"  ", at.Edit)
		}
		list("^", v.Prepend)
		list("+", v.Append)
	case tree.Removed:
		b.WriteString(" -\n")
	case tree.Replaced:
		b.WriteString(" =\n")
		list("-", v)
	case []any:
		b.WriteString("\n")
		list("-", v)
	default:
		fmt.Fprintf(b, " %v\n", v)
	}
}

// TestNew writes the pod of each archive in testdata/new: "target" is how it runs, "config" the image's configuration.
func TestNew(t *testing.T) {
	golden.Run(t, "testdata/new/*.txtar", func(t *testing.T, a *txtar.Archive) []txtar.File {
		in := Image{Name: "web", Ref: "example.com/web:1"}
		var how struct {
			target.Target
			Name      string
			Labels    map[string]string
			KeepToken bool
		}
		unmarshal(t, golden.Section(a, "target"), &how)
		unmarshal(t, golden.Section(a, "profile"), &in.Profile)
		if config := golden.Section(a, "config"); config != "" {
			in.Facts = image.Facts{}
			unmarshal(t, config, &in.Facts.Config)
		}
		in.Target, in.Labels, in.KeepToken = how.Target, how.Labels, how.KeepToken
		if how.Name != "" {
			in.Name = how.Name
		}
		pod, err := New(in)
		if err != nil {
			return golden.Want("error: " + err.Error() + "\n")
		}
		var b strings.Builder
		show(&b, "", pod)
		return golden.Want(b.String())
	})
}

func TestCheckMountPath(t *testing.T) {
	for path, ok := range map[string]bool{"/run": true, "/a b,c": true, "/": false, "run": false, "/run/": false, "/a/../b": false, "/a:b": false, "/a\x00": false} {
		if err := CheckMountPath(path); (err == nil) != ok {
			t.Errorf("%q: %v", path, err)
		}
	}
}
