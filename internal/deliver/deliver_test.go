package deliver

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/config"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

const deployment = `# kept
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: web:1
        securityContext:
          privileged: true  # for now
`

// provedOutcome is a seal that a run proved.
func provedOutcome(image string) Outcome {
	return Outcome{
		Target:  target.Target{Image: image},
		Profile: profile.Profile{User: profile.User{UID: 101, GID: 101}, Mounts: []profile.Mount{{Path: "/tmp", Kind: profile.Plain}}},
		Proved:  true, Traced: true, Listening: []int{8080},
	}
}

// sealedFile is a manifest whose containers are all sealed.
func sealedFile(t *testing.T, path, text string) Input {
	t.Helper()
	f, err := manifest.Parse(path, []byte(text), "")
	if err != nil {
		t.Fatal(err)
	}
	in := Input{File: f, Path: path}
	for _, p := range f.Pods {
		for _, c := range p.Containers {
			in.Containers = append(in.Containers, Container{Pod: p, Name: c.Name, Outcome: provedOutcome(c.Image)})
		}
	}
	return in
}

// deliver opens, prepares and writes, and returns what went to stdout.
func deliver(t *testing.T, o Options, inputs ...Input) (Delivery, string, error) {
	t.Helper()
	if o.Format == "" {
		o.Format = config.FormatYAML
	}
	var paths []string
	for _, in := range inputs {
		paths = append(paths, in.Path)
	}
	places, err := o.Open(paths)
	if err != nil {
		return Delivery{}, "", err
	}
	defer places.Close()
	d, err := o.Prepare(inputs)
	if err != nil {
		return d, "", err
	}
	var out bytes.Buffer
	err = d.Write(places, &out)
	return d, out.String(), err
}

func writeTestFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readTestFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestInPlaceTwice: the second time nothing is written.
func TestInPlaceTwice(t *testing.T) {
	name := filepath.Join(t.TempDir(), "web.yaml")
	writeTestFile(t, name, deployment)
	if _, out, err := deliver(t, Options{InPlace: true}, sealedFile(t, name, deployment)); err != nil || out != "" {
		t.Fatalf("%v, stdout %q", err, out)
	}
	sealed := readTestFile(t, name)
	if !strings.Contains(sealed, "privileged: false  # for now") || !strings.HasPrefix(sealed, "# kept\n") {
		t.Errorf("got\n%s", sealed)
	}
	before, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := deliver(t, Options{InPlace: true}, sealedFile(t, name, sealed)); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(name)
	if err != nil || !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("a file that is sealed was written again (%v)", err)
	}
}

// TestInPlaceLeavesNewerWork: a file that changed while podseal ran is left alone.
func TestInPlaceLeavesNewerWork(t *testing.T) {
	name := filepath.Join(t.TempDir(), "web.yaml")
	writeTestFile(t, name, deployment+"# newer\n")
	_, _, err := deliver(t, Options{InPlace: true}, sealedFile(t, name, deployment))
	if err == nil || !strings.Contains(err.Error(), "changed while podseal ran") {
		t.Errorf("got %v", err)
	}
	if got := readTestFile(t, name); got != deployment+"# newer\n" {
		t.Errorf("got\n%s", got)
	}
}

func TestSeveralFiles(t *testing.T) {
	a, b := sealedFile(t, "a.yaml", strings.TrimSuffix(deployment, "\n")), sealedFile(t, "sub/b.yaml", deployment)
	_, out, err := deliver(t, Options{}, a, b)
	if err != nil {
		t.Fatal(err)
	}
	f, err := manifest.Parse("out", []byte(out), "")
	if err != nil || len(f.Pods) != 2 {
		t.Errorf("%v\n%s", err, out)
	}
	_, diff, err := deliver(t, Options{Diff: true}, a, b)
	if err != nil || !strings.Contains(diff, "--- a/a.yaml\n") || !strings.Contains(diff, "+++ b/sub/b.yaml\n") || strings.Contains(diff, "\n-# kept") {
		t.Errorf("%v\n%s", err, diff)
	}
}

// TestImage: an image alone is written as a Pod, and as each view; an unproved profile is marked in each.
func TestImage(t *testing.T) {
	for _, format := range []string{"yaml", "helm-values", "compose", "docker"} {
		in := Input{Containers: []Container{{Outcome: provedOutcome("registry.example/web:1")}}}
		_, out, err := deliver(t, Options{Format: format}, in)
		if err != nil || !strings.Contains(out, "registry.example/web:1") && format != "helm-values" || strings.Contains(out, "NOT PROVED") {
			t.Errorf("%s: %v\n%s", format, err, out)
		}
		in.Containers[0].Outcome.Proved = false
		_, out, err = deliver(t, Options{Format: format}, in)
		if err != nil || !strings.HasPrefix(out, "# NOT PROVED") {
			t.Errorf("%s: %v\n%s", format, err, out)
		}
	}
}

func TestKustomizeFolder(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "seal")
	o := Options{Format: config.FormatKustomize, Output: folder}
	for range 2 { // the second time over the first one's
		if _, _, err := deliver(t, o, sealedFile(t, "a.yaml", deployment)); err != nil {
			t.Fatal(err)
		}
	}
	if got := readTestFile(t, filepath.Join(folder, "kustomization.yaml")); !strings.Contains(got, "path: deployment-web.yaml") {
		t.Errorf("got\n%s", got)
	}
	writeTestFile(t, filepath.Join(folder, "mine.yaml"), "kind: Mine\n")
	if _, _, err := deliver(t, o, sealedFile(t, "a.yaml", deployment)); err == nil || !strings.Contains(err.Error(), "mine.yaml, which podseal did not write") {
		t.Errorf("got %v", err)
	}
	left, err := os.ReadDir(filepath.Dir(folder))
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

func TestCheck(t *testing.T) {
	file := Shape{Files: []string{"web.yaml"}}
	for _, c := range []struct {
		name string
		o    Options
		in   Shape
		want string
	}{
		{name: "image"},
		{name: "file", in: file, o: Options{InPlace: true, Diff: true}},
		{name: "kustomize", in: file, o: Options{Format: config.FormatKustomize, Output: "new"}},
		{name: "unknown", o: Options{Format: "toml"}, want: "use one of yaml, strategic-merge"},
		{name: "patch of an image", o: Options{Format: "json-patch"}, want: "give the manifest with -f"},
		{name: "diff of an image", o: Options{Diff: true}, want: "--diff changes a manifest"},
		{name: "diff of compose", in: file, o: Options{Diff: true, Format: "compose"}, want: "needs --format yaml"},
		{name: "in place with -o", in: file, o: Options{InPlace: true, Output: "x"}, want: "leave out -o"},
		{name: "in place of stdin", in: Shape{Built: true}, o: Options{InPlace: true}, want: "stdin"},
		{name: "in place of a plan", in: Shape{Files: file.Files, PlanOnly: true}, o: Options{InPlace: true}, want: "leave out --plan-only"},
		{name: "kustomize without -o", in: file, o: Options{Format: config.FormatKustomize}, want: "name it with -o"},
	} {
		if c.o.Format == "" {
			c.o.Format = config.FormatYAML
		}
		err := c.o.Check(c.in)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	writeTestFile(t, at("web.yaml"), deployment)
	if err := os.Symlink("web.yaml", at("link.yaml")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		o     Options
		files []string
		want  string
	}{
		{name: "in place", o: Options{InPlace: true}, files: []string{at("web.yaml")}},
		{name: "not in place", files: []string{at("web.yaml"), at("gone/x")}},
		{name: "in place of a folder", o: Options{InPlace: true}, files: []string{dir}, want: "it is a folder"},
		{name: "in place of a device", o: Options{InPlace: true}, files: []string{os.DevNull}, want: "not a regular file"},
		{name: "in place of one file twice", o: Options{InPlace: true}, files: []string{at("web.yaml"), at("link.yaml")}, want: "are one file"},
		{name: "in place and the diff", o: Options{InPlace: true, Diff: true, Output: at("link.yaml")}, files: []string{at("web.yaml")}, want: "are one file"},
		{name: "kustomize over a file", o: Options{Format: config.FormatKustomize, Output: at("web.yaml")}, want: "not a folder"},
		{name: "kustomize into a folder", o: Options{Format: config.FormatKustomize, Output: dir}, want: "podseal did not write"},
		{name: "twice", o: Options{Output: at("x"), NetworkPolicy: at("x")}, want: "written twice"},
		{name: "report twice", o: Options{Output: at("x"), Reports: []string{at("y"), dir + "/./x"}}, want: "are one file"},
		{name: "devices", o: Options{Output: os.DevNull, Reports: []string{os.DevNull}}},
		{name: "nowhere", o: Options{PodSecurity: at("no/x")}, want: "there is no folder"},
	} {
		places, err := c.o.Open(c.files)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
		if err == nil {
			places.Close()
		}
	}
}

// TestCompanions: they are written with the result; one that cannot be made is an error, and the result is written.
func TestCompanions(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	o := Options{Output: at("out.yaml"), NetworkPolicy: at("np.yaml"), PodSecurity: at("ns.yaml")}
	d, _, err := deliver(t, o, sealedFile(t, "a.yaml", deployment))
	if err != nil {
		t.Fatal(err)
	}
	if got := readTestFile(t, o.NetworkPolicy); !strings.Contains(got, "port: 8080") {
		t.Errorf("got\n%s", got)
	}
	if got := readTestFile(t, o.PodSecurity); !strings.Contains(got, "name: shop") {
		t.Errorf("got\n%s", got)
	}
	if len(d.Written) != 1 || len(d.Written[0].Alongside) != 2 {
		t.Errorf("reported %+v", d.Written)
	}

	loose := sealedFile(t, "a.yaml", deployment+"---\napiVersion: v1\nkind: Pod\nmetadata: {name: loose}\nspec: {containers: [{name: x, image: x}]}\n")
	loose.Containers = loose.Containers[:1]
	loose.Containers[0].Outcome.Traced, loose.Containers[0].Outcome.Listening = false, nil
	o.NetworkPolicy, o.PodSecurity = at("np2.yaml"), at("ns2.yaml")
	_, _, err = deliver(t, o, loose)
	if err == nil || !strings.Contains(err.Error(), "not traced") || !strings.Contains(err.Error(), "keep Pod loose out") {
		t.Errorf("got %v", err)
	}
	if got := readTestFile(t, o.Output); !strings.Contains(got, "runAsUser: 101") {
		t.Errorf("the result is\n%s", got)
	}
	for _, name := range []string{o.NetworkPolicy, o.PodSecurity} {
		if _, err := os.Stat(name); err == nil {
			t.Errorf("%s was written", name)
		}
	}
}

func TestToken(t *testing.T) {
	role := "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: reads}\nsubjects: [{kind: ServiceAccount, name: default, namespace: shop}]\n"
	for _, c := range []struct {
		name   string
		more   string
		change func(*Outcome)
		keep   bool
		want   string // in the reason; empty: the token is removed
	}{
		{name: "nothing"},
		{name: "flag", keep: true, want: "--keep-token"},
		{name: "run", change: func(o *Outcome) { o.APIUse = "the log says so" }, want: "the log says so"},
		{name: "variable", change: func(o *Outcome) { o.Target.Env = []target.EnvVar{{Name: "KUBECONFIG", Value: "/x"}} }, want: "variable KUBECONFIG"},
		{name: "role", more: role, want: "RoleBinding reads"},
		{name: "role of another namespace", more: strings.ReplaceAll(role, "shop", "other")},
	} {
		in := sealedFile(t, "a.yaml", deployment+c.more)
		if c.change != nil {
			c.change(&in.Containers[0].Outcome)
		}
		o := Options{Format: config.FormatYAML, KeepToken: c.keep}
		why, keeps := o.keepsToken(manifests([]Input{in}), in.Containers[0])
		if keeps != (c.want != "") || !strings.Contains(why, c.want) {
			t.Errorf("%s: %v, %q", c.name, keeps, why)
		}
		_, out, err := deliver(t, o, in)
		if err != nil {
			t.Fatal(err)
		}
		if has := strings.Contains(out, "automountServiceAccountToken: false"); has == keeps {
			t.Errorf("%s: got\n%s", c.name, out)
		}
	}
}

// TestWrittenChanges: each container's report has its own changes; those of the pod are in the first one's.
func TestWrittenChanges(t *testing.T) {
	in := sealedFile(t, "a.yaml", deployment+"      - name: log\n        image: log:1\n")
	d, _, err := deliver(t, Options{}, in)
	if err != nil || len(d.Written) != 2 {
		t.Fatalf("%v, %d reports", err, len(d.Written))
	}
	count := map[string]int{}
	for i, w := range d.Written {
		for _, c := range w.Changes {
			count[c.Field]++
			if strings.HasPrefix(c.Field, "containers[1]") != (i == 1) {
				t.Errorf("report %d has %s", i, c.Field)
			}
			if c.Field == "containers[0].securityContext.privileged" && (c.File != "a.yaml" || c.Line != 14 || c.Old != "true" || c.New != "false" || c.Action != "replaced") {
				t.Errorf("got %+v", c)
			}
		}
	}
	for field, n := range count {
		if n != 1 {
			t.Errorf("%s is reported %d times", field, n)
		}
	}
	if count["containers[0].securityContext.privileged"] != 1 || count["automountServiceAccountToken"] != 1 {
		t.Errorf("got %v", count)
	}
}

// TestDiffOfFilesElsewhere applies the changes of manifests outside the working directory, in the folder that the first line names.
func TestDiffOfFilesElsewhere(t *testing.T) {
	work := t.TempDir()
	at := filepath.Join(work, "there")
	for _, dir := range []string{"here", "there/sub", "there/.git"} {
		if err := os.MkdirAll(filepath.Join(work, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(filepath.Join(work, "here"))
	writeTestFile(t, "../there/a.yaml", deployment)
	writeTestFile(t, "../there/sub/b.yaml", deployment)
	_, diff, err := deliver(t, Options{Diff: true}, sealedFile(t, "../there/sub/b.yaml", deployment), sealedFile(t, filepath.Join(at, "a.yaml"), deployment))
	if err != nil || !strings.HasPrefix(diff, "Apply in the folder ../there, with patch -p1 or git apply.\n--- a/sub/b.yaml\n") {
		t.Fatalf("%v\n%s", err, diff)
	}
	cmd := exec.Command("patch", "-p1")
	cmd.Dir, cmd.Stdin = at, strings.NewReader(diff)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	for _, name := range []string{"a.yaml", "sub/b.yaml"} {
		if got := readTestFile(t, filepath.Join(at, name)); !strings.Contains(got, "runAsUser: 101") {
			t.Errorf("%s:\n%s", name, got)
		}
	}
}

// TestWriteReportsAFullDisk: an error of stdout is not lost.
func TestWriteReportsAFullDisk(t *testing.T) {
	d, err := Options{Format: config.FormatYAML}.Prepare([]Input{sealedFile(t, "a.yaml", deployment)})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Write(&Places{}, full{}); err == nil || !strings.Contains(err.Error(), "writing the result") {
		t.Errorf("got %v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }
