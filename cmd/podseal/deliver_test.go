package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trial"
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

func testProfile() profile.Profile {
	return profile.Profile{User: profile.User{UID: 101, GID: 101}, Mounts: []profile.Mount{{Path: "/tmp", Kind: profile.Plain}}}
}

// provedResult is a seal with the run that proved it.
func provedResult(image string) seal.Result {
	p := testProfile()
	return seal.Result{
		Verdict: seal.Sealed, Profile: p, Target: target.Target{Image: image},
		Seal: &seal.Seal{Confirmation: "confirmation run", Profile: p},
		Rounds: []seal.Round{
			{Name: "sealed run 1", Outcome: trial.Passed, Profile: p, Observation: observe.Observation{Listening: []int{8080}, Trace: observe.Trace{On: true}}},
			{Name: "confirmation run", Outcome: trial.Passed, Profile: p},
		},
	}
}

// sealedFile is a manifest whose containers are all sealed.
func sealedFile(t *testing.T, path, text string) sealedInput {
	t.Helper()
	f, err := manifest.Parse(path, []byte(text), "")
	if err != nil {
		t.Fatal(err)
	}
	in := sealedInput{file: f, path: path}
	for _, p := range f.Pods {
		for _, c := range p.Containers {
			in.sealed = append(in.sealed, sealedContainer{pod: p, name: c.Name, res: provedResult(c.Image)})
		}
	}
	return in
}

// deliver prepares and writes, and gives what went to stdout.
func deliver(t *testing.T, o deliverOptions, inputs ...sealedInput) (delivery, string, error) {
	t.Helper()
	if o.format == "" {
		o.format = formatYAML
	}
	d, err := o.prepare(inputs)
	if err != nil {
		return d, "", err
	}
	var out bytes.Buffer
	err = d.write(o, &out)
	return d, out.String(), err
}

func writeTestFile(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
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

// In place the link stays a link, the file keeps its mode, and a second time nothing is written.
func TestInPlace(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real.yaml"), filepath.Join(dir, "link.yaml")
	writeTestFile(t, real, deployment, 0o640)
	if err := os.Symlink("real.yaml", link); err != nil {
		t.Fatal(err)
	}
	_, out, err := deliver(t, deliverOptions{inPlace: true}, sealedFile(t, link, deployment))
	if err != nil || out != "" {
		t.Fatalf("%v, stdout %q", err, out)
	}
	st, err := os.Lstat(link)
	if err != nil || st.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v (%v)", st.Mode(), err)
	}
	before, err := os.Stat(real)
	if err != nil || before.Mode().Perm() != 0o640 {
		t.Errorf("the mode is %v (%v)", before.Mode(), err)
	}
	sealed := readTestFile(t, real)
	if !strings.Contains(sealed, "privileged: false  # for now") || !strings.HasPrefix(sealed, "# kept\n") {
		t.Errorf("got\n%s", sealed)
	}
	if _, _, err := deliver(t, deliverOptions{inPlace: true}, sealedFile(t, link, sealed)); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(real)
	if err != nil || !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("a file that is sealed was written again (%v)", err)
	}
}

// A file that changed while podseal ran is the user's newer work.
func TestInPlaceLeavesNewerWork(t *testing.T) {
	name := filepath.Join(t.TempDir(), "web.yaml")
	writeTestFile(t, name, deployment+"# newer\n", 0o644)
	_, _, err := deliver(t, deliverOptions{inPlace: true}, sealedFile(t, name, deployment))
	if err == nil || !strings.Contains(err.Error(), "changed while podseal ran") {
		t.Errorf("got %v", err)
	}
	if got := readTestFile(t, name); got != deployment+"# newer\n" {
		t.Errorf("got\n%s", got)
	}
}

func TestDeliverSeveralFiles(t *testing.T) {
	a, b := sealedFile(t, "a.yaml", strings.TrimSuffix(deployment, "\n")), sealedFile(t, "sub/b.yaml", deployment)
	_, out, err := deliver(t, deliverOptions{}, a, b)
	if err != nil {
		t.Fatal(err)
	}
	f, err := manifest.Parse("out", []byte(out), "")
	if err != nil || len(f.Pods) != 2 {
		t.Errorf("%v\n%s", err, out)
	}
	_, diff, err := deliver(t, deliverOptions{diff: true}, a, b)
	if err != nil || !strings.Contains(diff, "--- a/a.yaml\n") || !strings.Contains(diff, "+++ b/sub/b.yaml\n") || strings.Contains(diff, "\n-# kept") {
		t.Errorf("%v\n%s", err, diff)
	}
}

// An image alone is written as a Pod, and as each view; what was not proved is marked in each.
func TestDeliverImage(t *testing.T) {
	for _, format := range []string{"yaml", "helm-values", "compose", "docker"} {
		in := sealedInput{sealed: []sealedContainer{{res: provedResult("registry.example/web:1")}}}
		_, out, err := deliver(t, deliverOptions{format: format}, in)
		if err != nil || !strings.Contains(out, "registry.example/web:1") && format != "helm-values" || strings.Contains(out, "NOT PROVED") {
			t.Errorf("%s: %v\n%s", format, err, out)
		}
		in.sealed[0].res.Rounds = nil
		_, out, err = deliver(t, deliverOptions{format: format}, in)
		if err != nil || !strings.HasPrefix(out, "# NOT PROVED") {
			t.Errorf("%s: %v\n%s", format, err, out)
		}
	}
}

func TestKustomizeFolder(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "seal")
	o := deliverOptions{format: formatKustomize, output: folder}
	for range 2 { // the second time over the first one's
		if _, _, err := deliver(t, o, sealedFile(t, "a.yaml", deployment)); err != nil {
			t.Fatal(err)
		}
	}
	if got := readTestFile(t, filepath.Join(folder, "kustomization.yaml")); !strings.Contains(got, "path: deployment-web.yaml") {
		t.Errorf("got\n%s", got)
	}
	writeTestFile(t, filepath.Join(folder, "mine.yaml"), "kind: Mine\n", 0o644)
	if _, _, err := deliver(t, o, sealedFile(t, "a.yaml", deployment)); err == nil || !strings.Contains(err.Error(), "mine.yaml, which podseal did not write") {
		t.Errorf("got %v", err)
	}
	left, err := os.ReadDir(filepath.Dir(folder))
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

func TestDeliverCheck(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "web.yaml")
	writeTestFile(t, file, deployment, 0o644)
	for _, c := range []struct {
		name   string
		o      deliverOptions
		paths  []string
		others bool
		plan   bool
		want   string
	}{
		{name: "image"},
		{name: "file", paths: []string{file}, o: deliverOptions{inPlace: true, diff: true}},
		{name: "kustomize", paths: []string{file}, o: deliverOptions{format: formatKustomize, output: filepath.Join(dir, "new")}},
		{name: "unknown", o: deliverOptions{format: "toml"}, want: "use one of yaml, strategic-merge"},
		{name: "patch of an image", o: deliverOptions{format: "json-patch"}, want: "give the manifest with -f"},
		{name: "diff of an image", o: deliverOptions{diff: true}, want: "--diff is about a manifest"},
		{name: "diff of compose", paths: []string{file}, o: deliverOptions{diff: true, format: "compose"}, want: "goes with --format yaml only"},
		{name: "in place with -o", paths: []string{file}, o: deliverOptions{inPlace: true, output: "x"}, want: "leave out -o"},
		{name: "in place of stdin", others: true, o: deliverOptions{inPlace: true}, want: "stdin"},
		{name: "in place of a plan", paths: []string{file}, plan: true, o: deliverOptions{inPlace: true}, want: "leave out --plan-only"},
		{name: "in place of a folder", paths: []string{dir}, o: deliverOptions{inPlace: true}, want: "no regular file"},
		{name: "kustomize without -o", paths: []string{file}, o: deliverOptions{format: formatKustomize}, want: "name it with -o"},
		{name: "kustomize over a file", paths: []string{file}, o: deliverOptions{format: formatKustomize, output: file}, want: "no folder"},
		{name: "kustomize into a folder", paths: []string{file}, o: deliverOptions{format: formatKustomize, output: dir}, want: "podseal did not write"},
		{name: "twice", o: deliverOptions{output: filepath.Join(dir, "x"), networkPolicy: filepath.Join(dir, "x")}, want: "written twice"},
		{name: "nowhere", o: deliverOptions{podSecurity: filepath.Join(dir, "no", "x")}, want: "no folder"},
	} {
		if c.o.format == "" {
			c.o.format = formatYAML
		}
		err := c.o.check(c.paths, c.others, c.plan)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

// What stands beside the result is written with it; what cannot be made is said, and the result is there all the same.
func TestBeside(t *testing.T) {
	dir := t.TempDir()
	o := deliverOptions{output: filepath.Join(dir, "out.yaml"), networkPolicy: filepath.Join(dir, "np.yaml"), podSecurity: filepath.Join(dir, "ns.yaml")}
	d, _, err := deliver(t, o, sealedFile(t, "a.yaml", deployment))
	if err != nil {
		t.Fatal(err)
	}
	if got := readTestFile(t, o.networkPolicy); !strings.Contains(got, "port: 8080") {
		t.Errorf("got\n%s", got)
	}
	if got := readTestFile(t, o.podSecurity); !strings.Contains(got, "name: shop") {
		t.Errorf("got\n%s", got)
	}
	if len(d.written) != 1 || len(d.written[0].Alongside) != 2 {
		t.Errorf("reported %+v", d.written)
	}

	untraced := sealedFile(t, "a.yaml", deployment+"---\napiVersion: v1\nkind: Pod\nmetadata: {name: loose}\nspec: {containers: [{name: x, image: x}]}\n")
	untraced.sealed = untraced.sealed[:1]
	untraced.sealed[0].res.Rounds[0].Observation = observe.Observation{}
	o.networkPolicy, o.podSecurity = filepath.Join(dir, "np2.yaml"), filepath.Join(dir, "ns2.yaml")
	d, err = o.withFormat().prepare([]sealedInput{untraced})
	if err != nil {
		t.Fatal(err)
	}
	if err = d.write(o, io.Discard); err == nil || !strings.Contains(err.Error(), "not traced") || !strings.Contains(err.Error(), "keep Pod loose out") {
		t.Errorf("got %v", err)
	}
	if got := readTestFile(t, o.output); !strings.Contains(got, "runAsUser: 101") {
		t.Errorf("the result is\n%s", got)
	}
	for _, name := range []string{o.networkPolicy, o.podSecurity} {
		if _, err := os.Stat(name); err == nil {
			t.Errorf("%s was written", name)
		}
	}
}

func (o deliverOptions) withFormat() *deliverOptions {
	o.format = formatYAML
	return &o
}

func TestTokenUse(t *testing.T) {
	role := "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: reads}\nsubjects: [{kind: ServiceAccount, name: default, namespace: shop}]\n"
	for _, c := range []struct {
		name   string
		more   string
		change func(*sealedContainer)
		keep   bool
		want   string // in the reason; empty: the token goes
	}{
		{name: "nothing"},
		{name: "flag", keep: true, want: "--keep-token"},
		{name: "log", change: func(c *sealedContainer) {
			c.res.Rounds[0].Observation.Logs = "using in-cluster config\n"
		}, want: `the log of the sealed run 1 says "in-cluster"`},
		{name: "variable", change: func(c *sealedContainer) {
			c.res.Target.Env = []target.EnvVar{{Name: "KUBECONFIG", Value: "/x"}}
		}, want: "variable KUBECONFIG"},
		{name: "argument", change: func(c *sealedContainer) { c.res.Target.Args = []string{"--kubeconfig=/x"} }, want: "command says"},
		{name: "write", change: func(c *sealedContainer) {
			c.res.Rounds[0].Observation.Writes = []observe.Write{{Path: "/run/secrets/kubernetes.io/serviceaccount/token"}}
		}, want: "was touched"},
		{name: "role", more: role, want: "RoleBinding reads"},
		{name: "another's role", more: strings.ReplaceAll(role, "shop", "other")},
	} {
		in := sealedFile(t, "a.yaml", deployment+c.more)
		if c.change != nil {
			c.change(&in.sealed[0])
		}
		o := deliverOptions{format: formatYAML, keepToken: c.keep}
		why, used := o.tokenUse([]sealedInput{in}, in.sealed[0])
		if used != (c.want != "") || !strings.Contains(why, c.want) {
			t.Errorf("%s: %v, %q", c.name, used, why)
		}
		d, err := o.prepare([]sealedInput{in})
		if err != nil {
			t.Fatal(err)
		}
		if has := strings.Contains(string(d.out), "automountServiceAccountToken: false"); has == used {
			t.Errorf("%s: got\n%s", c.name, d.out)
		}
	}
}

// Each container's report has its own changes; those of the pod are in the first one's.
func TestReportedChanges(t *testing.T) {
	in := sealedFile(t, "a.yaml", deployment+"      - name: log\n        image: log:1\n")
	d, _, err := deliver(t, deliverOptions{}, in)
	if err != nil || len(d.written) != 2 {
		t.Fatalf("%v, %d reports", err, len(d.written))
	}
	count := map[string]int{}
	for i, w := range d.written {
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

func TestDiffName(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		"a.yaml": "a.yaml", "./x/../a.yaml": "a.yaml", filepath.Join(here, "sub/a.yaml"): "sub/a.yaml", "/elsewhere/a.yaml": "elsewhere/a.yaml",
	} {
		if got := diffName(in); got != want {
			t.Errorf("diffName(%q) = %q, want %q", in, got, want)
		}
	}
}
