package emit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/podspec"
	"github.com/podseal/podseal/internal/profile"
)

// spliceCase is one edit in the JSON of a golden. Empty words take all objects and all containers.
type spliceCase struct {
	Object, Container string
	NoToken           bool
	Profile           profile.Profile
}

// splice parses and edits a source as the cases say.
func splice(source []byte, podPath string, cases []spliceCase) ([]byte, Report, error) {
	f, err := manifest.Parse("in.yaml", source, podPath)
	if err != nil {
		return nil, Report{}, err
	}
	edits, err := editsOf(f, cases)
	if err != nil {
		return nil, Report{}, err
	}
	return Splice(f, edits)
}

func editsOf(f *manifest.File, cases []spliceCase) ([]Edit, error) {
	var edits []Edit
	for _, c := range cases {
		targets, err := f.Select(c.Object, c.Container)
		if err != nil {
			return nil, err
		}
		for _, t := range targets {
			edits = append(edits, Edit{Pod: t.Pod, Container: t.Container.Name, Profile: c.Profile, NoToken: c.NoToken})
		}
	}
	return edits, nil
}

func TestSplice(t *testing.T) {
	goldens(t, "splice", func(t *testing.T, files map[string][]byte) []txtar.File {
		var cases []spliceCase
		if err := json.Unmarshal(files["profiles.json"], &cases); err != nil {
			t.Fatal(err)
		}
		in, podPath := files["in.yaml"], strings.TrimSpace(string(files["pod-path"]))
		out, report, err := splice(in, podPath, cases)
		if err != nil {
			return []txtar.File{want("want-error", []byte(err.Error()+"\n"))}
		}
		if lost := lostLine(in, out, report); lost != "" && !strings.ContainsAny(lost, "{[") {
			t.Errorf("a line is gone: %q", lost)
		}
		checkVariants(t, in, out, podPath, cases)
		checkAdmitted(t, out, podPath, cases)
		return []txtar.File{want("want.yaml", out), want("want-report", []byte(reportText(report)))}
	})
}

func reportText(r Report) string {
	var b strings.Builder
	for _, c := range r.Changes {
		fmt.Fprintf(&b, "%d %s: %s %s", c.Line, c.Object, c.Action, c.Field)
		if c.Old != "" {
			fmt.Fprintf(&b, " old %q", c.Old)
		}
		if c.New != "" {
			fmt.Fprintf(&b, " new %q", c.New)
		}
		if c.Why != "" {
			fmt.Fprintf(&b, " (%s)", c.Why)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// checkVariants splices the same input in other clothes: the result must differ in those only.
func checkVariants(t *testing.T, in, out []byte, podPath string, cases []spliceCase) {
	t.Helper()
	crlf := func(b []byte) []byte {
		return bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
	}
	for name, change := range map[string]func([]byte) []byte{
		"again":            func(b []byte) []byte { return b },
		"CRLF":             crlf,
		"no final newline": func(b []byte) []byte { return bytes.TrimRight(b, "\n") },
		"byte order mark":  func(b []byte) []byte { return append([]byte("\xef\xbb\xbf"), b...) },
		"after another":    func(b []byte) []byte { return append([]byte("# first\nkind: Other\n...\n---\n"), b...) },
		"before another":   func(b []byte) []byte { return append(slices.Clone(b), "# a comment between\n---\nkind: Other\n"...) },
	} {
		got, _, err := splice(change(in), podPath, cases)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(string(change(out)), string(got)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
		twice, _, err := splice(got, podPath, cases)
		if err != nil {
			t.Errorf("%s, a second time: %v", name, err)
		} else if diff := cmp.Diff(string(got), string(twice)); diff != "" {
			t.Errorf("%s, a second time: -want +got:\n%s", name, diff)
		}
	}
}

// checkAdmitted judges the pods whose containers were all sealed without exceptions.
func checkAdmitted(t *testing.T, out []byte, podPath string, cases []spliceCase) {
	t.Helper()
	f, err := manifest.Parse("out.yaml", out, podPath)
	if err != nil {
		t.Fatal(err)
	}
	for _, pod := range f.Pods {
		sealed := map[string]bool{}
		for _, c := range cases {
			targets, err := f.Select(c.Object, c.Container)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range targets {
				if x.Pod == pod && len(c.Profile.Exceptions()) == 0 {
					sealed[x.Container.Name] = true
				}
			}
		}
		if slices.ContainsFunc(pod.Containers, func(c manifest.Container) bool { return !c.Seed() && !sealed[c.Name] }) {
			continue
		}
		for i, v := range pod.Spec.Volumes {
			if v.VolumeSource == (corev1.VolumeSource{}) { // the API server's default
				pod.Spec.Volumes[i].EmptyDir = &corev1.EmptyDirVolumeSource{}
			}
		}
		if err := podspec.CheckRestricted(&corev1.Pod{ObjectMeta: pod.Meta, Spec: pod.Spec}); err != nil {
			t.Errorf("%s: %v", pod, err)
		}
	}
}
