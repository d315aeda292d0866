package emit

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/profile"
)

func parsed(t *testing.T, source string) *manifest.File {
	t.Helper()
	f, err := manifest.Parse("in.yaml", []byte(source), "")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// editsFor returns edits of all containers of a file with one profile.
func editsFor(t *testing.T, f *manifest.File, p profile.Profile) []Edit {
	t.Helper()
	edits, err := allEdits(f)
	if err != nil {
		t.Fatal(err)
	}
	for i := range edits {
		edits[i].Profile = p
	}
	return edits
}

const twoPods = `apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  initContainers:
  - {name: setup, image: setup:1}
  containers:
  - name: web
    image: web:1
    volumeMounts:
    - {name: spool, mountPath: /spool}
  securityContext:
    sysctls:
    - {name: net.ipv4.ip_unprivileged_port_start, value: "80"}
  volumes:
  - {name: spool, emptyDir: {}}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: test.shop}
spec:
  containers:
  - {name: web, image: web:1}
`

// A JSON patch tests the name of each item that it edits, or for a mount its path, before it changes anything.
func TestJSONPatchTestsItems(t *testing.T) {
	f := parsed(t, twoPods)
	p := profile.Profile{User: profile.User{UID: 1, GID: 1}, LowPorts: true, Mounts: []profile.Mount{{Path: "/spool", Kind: profile.Owned}}}
	text, _, err := JSONPatch(f, editsFor(t, f, p))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`{"op":"test","path":"/spec/securityContext/sysctls/0/name","value":"net.ipv4.ip_unprivileged_port_start"}`,
		`{"op":"test","path":"/spec/containers/0/name","value":"web"}`,
		`{"op":"test","path":"/spec/containers/0/volumeMounts/0/mountPath","value":"/spool"}`,
	} {
		if !strings.Contains(strings.ReplaceAll(string(text), " ", ""), line) {
			t.Errorf("%s is missing in\n%s", line, text)
		}
	}
}

// The init container that seeds a mount runs before those of the manifest: a strategic merge patch says their order. That for
// kustomize does not, because kustomize puts new items first.
func TestStrategicMergeOrdersSeeds(t *testing.T) {
	f := parsed(t, twoPods)
	p := profile.Profile{User: profile.User{UID: 1, GID: 1}, Mounts: []profile.Mount{{Path: "/etc/app", Kind: profile.Seeded}}}
	edits := editsFor(t, f, p)[1:2]
	text, _, err := StrategicMerge(f, edits)
	if err != nil {
		t.Fatal(err)
	}
	if want := "  $setElementOrder/initContainers:\n  - name: seed-etc-app\n  - name: setup\n"; !strings.Contains(string(text), want) {
		t.Errorf("%s is missing in\n%s", want, text)
	}
	files, _, err := Kustomize([]*manifest.File{f}, edits)
	if err != nil || strings.Contains(string(files[1].Data), "$setElementOrder") || !strings.Contains(string(files[1].Data), "name: seed-etc-app\n") {
		t.Errorf("kustomize: %v\n%s", err, files)
	}
}

// A manifest that is sealed already needs no patch in any form.
func TestPatchesOfASealedManifest(t *testing.T) {
	p := usualProfile()
	sealed, _, err := spliceWith([]byte(twoPods), p)
	if err != nil {
		t.Fatal(err)
	}
	f := parsed(t, string(sealed))
	edits := editsFor(t, f, p)
	if text, _, err := JSONPatch(f, edits); err != nil || string(text) != "[]\n" {
		t.Errorf("JSON patch: %v\n%s", err, text)
	}
	if text, _, err := StrategicMerge(f, edits); err != nil || string(text) != Nothing {
		t.Errorf("strategic merge patch: %v\n%s", err, text)
	}
	files, _, err := Kustomize([]*manifest.File{f}, edits)
	if want := KustomizeMark + "\napiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"; err != nil || len(files) != 1 || string(files[0].Data) != want {
		t.Errorf("kustomize: %v\n%s", err, files)
	}
}

// Objects of one kind and name, in two namespaces, have a patch each. Its target has the group and the namespace that the
// object has, as regular expressions.
func TestKustomizeTargets(t *testing.T) {
	f := parsed(t, twoPods+"---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {containers: [{name: a, image: i}]}}}\n")
	files, _, err := Kustomize([]*manifest.File{f}, editsFor(t, f, usualProfile()))
	if err != nil {
		t.Fatal(err)
	}
	const want = KustomizeMark + `
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
patches:
- path: pod-web.yaml
  target:
    version: v1
    kind: Pod
    name: web
- path: pod-web-2.yaml
  target:
    version: v1
    kind: Pod
    name: web
    namespace: 'test\.shop'
- path: deployment-web.yaml
  target:
    group: apps
    version: v1
    kind: Deployment
    name: web
`
	if diff := cmp.Diff(want, string(files[0].Data)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A kustomize patch is a strategic merge patch, which fits when the base changes. It is a JSON patch for a custom resource,
// and where a variable of the manifest refers to one of the seal, which must come first and not after it.
func TestKustomizePatchForm(t *testing.T) {
	const pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n"
	const plain = "  - {name: a, image: i, env: [{name: PATH, value: /bin}]}\n"
	const refers = "  - {name: b, image: i, env: [{name: CACHE, value: $(HOME)/.cache}]}\n"
	for _, c := range []struct {
		name, source, container string
		merges                  bool
	}{
		{"no reference", pod + plain, "a", true},
		{"a reference", pod + refers, "b", false},
		{"a reference in the other container", pod + plain + refers, "a", true},
		{"a reference in the second container", pod + plain + refers, "b", false},
		{"a custom resource", strings.Replace(pod+plain, "v1\nkind: Pod", "example.org/v1\nkind: Widget", 1), "a", false},
	} {
		f, err := manifest.Parse("in.yaml", []byte(c.source), "spec")
		if err != nil {
			t.Fatal(err)
		}
		p := profile.Profile{User: profile.User{UID: 1, GID: 1}, Env: map[string]string{"HOME": "/tmp"}}
		files, _, err := Kustomize([]*manifest.File{f}, []Edit{{Pod: f.Pods[0], Container: c.container, Profile: p}})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		text := string(files[1].Data)
		if merges := strings.Contains(text, "\nkind: Pod\n"); merges != c.merges || strings.Contains(text, "- op: ") == c.merges {
			t.Errorf("%s:\n%s", c.name, text)
		}
	}
}

// Each change names the container that its field is in. A change of the pod names none, nor does an added init container.
func TestChangesNameTheirContainer(t *testing.T) {
	p := profile.Profile{User: profile.User{UID: 1, GID: 1}, Mounts: []profile.Mount{{Path: "/etc/app", Kind: profile.Seeded}}}
	f := parsed(t, twoPods)
	_, report, err := Splice(f, editsFor(t, f, p)[:2])
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, c := range report.Changes {
		if c.Action != "kept" {
			got[c.Field] = c.Container
		}
	}
	for field, want := range map[string]string{
		"initContainers[0].securityContext": "setup", "containers[0].securityContext": "web", "initContainers": "", "volumes": "",
	} {
		if have, ok := got[field]; !ok || have != want {
			t.Errorf("%s is of container %q (changed: %v), want %q", field, have, ok, want)
		}
	}
	if t.Failed() {
		t.Log(reportText(report))
	}
}

func TestJoin(t *testing.T) {
	for _, c := range []struct {
		sources []string
		want    string
	}{
		{[]string{"a: 1\n", "b: 2\n"}, "a: 1\n---\nb: 2\n"},
		{[]string{"a: 1", "b: 2\n"}, "a: 1\n---\nb: 2\n"},
		{[]string{"a: 1\n", "---\nb: 2\n"}, "a: 1\n---\nb: 2\n"},
		{[]string{"", "b: 2\n"}, "---\nb: 2\n"},
		{[]string{"\xef\xbb\xbfa: 1\n", "\xef\xbb\xbfb: 2\n"}, "\xef\xbb\xbfa: 1\n---\nb: 2\n"},
	} {
		var sources [][]byte
		for _, s := range c.sources {
			sources = append(sources, []byte(s))
		}
		if got := string(Join(sources)); got != c.want {
			t.Errorf("%q: %q, want %q", c.sources, got, c.want)
		}
	}
}
