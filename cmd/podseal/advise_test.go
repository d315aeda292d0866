package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	push "github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/podseal/podseal/internal/advise"
	"github.com/podseal/podseal/internal/exitcode"
)

func adviseOn(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = execute(append([]string{"advise"}, args...), streams{in: strings.NewReader(""), out: &o, err: &e})
	return code, o.String(), e.String()
}

func writeTo(t *testing.T, name, text string) string {
	t.Helper()
	at := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return at
}

func TestAdviseOnADockerfile(t *testing.T) {
	file := writeTo(t, "Dockerfile", "FROM debian:bookworm\n# why\nCMD [\"bash\"]\n")
	code, out, errs := adviseOn(t, "--fail-on", "root", file)
	if code != exitcode.NotSealed || !strings.Contains(out, "+USER 10001:10001") || !strings.Contains(errs, "root") {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
	if code, _, errs := adviseOn(t, "--write", "--fail-on", "root", file); code != 0 {
		t.Errorf("--write: %d %s", code, errs)
	}
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("--write changed the file's mode: %v, %v", st.Mode(), err)
	}
	if code, out, _ := adviseOn(t, "--fail-on", "root", file); code != 0 || !strings.Contains(out, "Nothing to do") {
		t.Errorf("after --write: %d\n%s", code, out)
	}
	if code, out, _ := adviseOn(t, "--format", "sarif", filepath.Dir(file)); code != 0 || !json.Valid([]byte(out)) {
		t.Errorf("SARIF of a folder: %d\n%s", code, out)
	}
}

func TestAdviseRefusesBadInput(t *testing.T) {
	for _, args := range [][]string{
		{},
		{"a", "b"},
		{"./no-such-file"},
		{"--fail-on", "nonsense", "x"},
		{"--format", "nonsense", "x"},
		{"--from", "nonsense", "x"},
		{"--catalog", "/no/such/file", "x"},
		{"--from", "archive", "/no/such/file"},
		{"--from", "registry", "UPPER CASE"},
		{t.TempDir()},
		{writeTo(t, "Dockerfile", "RUN no from\n")},
		{writeTo(t, "x.yaml", "kind: [")},
	} {
		if code, _, errs := adviseOn(t, args...); code != exitcode.Usage || errs == "" {
			t.Errorf("%v: %d %s", args, code, errs)
		}
	}
}

// served is a registry with one image; meta is the size of its manifest and config, top that of its uppermost layer.
func served(t *testing.T, config v1.Config) (ref string, meta, top int64) {
	t.Helper()
	passwd := layerOf(t, "etc/", "", "etc/passwd", "root:x:0:0::/:\napp:x:123:456::/:\n", "etc/group", "app:x:456:\n")
	img, err := mutate.AppendLayers(empty.Image, layerOf(t, "usr/", "", "usr/big", strings.Repeat("big", 50_000)), passwd)
	if err != nil {
		t.Fatal(err)
	}
	file, _ := img.ConfigFile()
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config = "linux", runtime.GOARCH, config
	if img, err = mutate.ConfigFile(img, file); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(s.Close)
	ref = strings.TrimPrefix(s.URL, "http://") + "/team/app:1"
	parsed, _ := name.ParseReference(ref)
	if err := push.Write(parsed, img); err != nil {
		t.Fatal(err)
	}
	m, _ := img.RawManifest()
	c, _ := img.RawConfigFile()
	size, _ := passwd.Size()
	return ref, int64(len(m) + len(c)), size
}

func layerOf(t *testing.T, pairs ...string) v1.Layer {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for i := 0; i < len(pairs); i += 2 {
		h := &tar.Header{Name: pairs[i], Mode: 0o755, Typeflag: tar.TypeReg, Size: int64(len(pairs[i+1]))}
		if strings.HasSuffix(h.Name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, pairs[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func reportOf(t *testing.T, args ...string) advise.Report {
	t.Helper()
	code, out, errs := adviseOn(t, append([]string{"--format", "json"}, args...)...)
	var o advise.Outcome
	if err := json.Unmarshal([]byte(out), &o); err != nil || code != 0 || len(o.Images) != 1 {
		t.Fatalf("%v: %d %v\n%s%s", args, code, err, out, errs)
	}
	return o.Images[0]
}

func TestAdviseWriteNeedsADockerfile(t *testing.T) {
	ref, _, _ := served(t, v1.Config{User: "123"})
	code, out, errs := adviseOn(t, "--write", "--from", "registry", ref)
	if code != exitcode.Usage || out != "" || !strings.Contains(errs, "--write changes a Dockerfile: "+ref+" has none") {
		t.Errorf("%d %s%s", code, out, errs)
	}
}

func TestAdviseReadsOnlyWhatIsNeededOfARegistry(t *testing.T) {
	ref, meta, _ := served(t, v1.Config{User: "123"})
	r := reportOf(t, "--from", "registry", ref)
	if r.Model != advise.NonRoot || r.BytesRead != meta {
		t.Errorf("numeric USER: %s, %d bytes, want manifest and config: %d", r.Model, r.BytesRead, meta)
	}
	ref, meta, top := served(t, v1.Config{User: "app"})
	r = reportOf(t, "--from", "registry", ref)
	if r.Model != advise.NamedUser || r.User.UID != 123 || r.User.GID != 456 || r.BytesRead != meta+top {
		t.Errorf("named USER: %s %+v, %d bytes, want the layer that holds passwd too: %d", r.Model, r.User, r.BytesRead, meta+top)
	}
	if r := reportOf(t, "--from", "registry", "--deep", ref); r.BytesRead <= meta+top || len(r.Notes) > 0 {
		t.Errorf("--deep read %d bytes, notes %v", r.BytesRead, r.Notes)
	}
}

func TestAdviseOnAManifest(t *testing.T) {
	ref, _, _ := served(t, v1.Config{User: "app"})
	pod := "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  securityContext: {runAsUser: 5}\n  containers:\n  - {name: a, image: " + ref + "}\n"
	if r := reportOf(t, "--from", "", writeTo(t, "pod.yaml", pod)); r.User.UID != 5 || r.Ways[0].Kind != advise.Nothing {
		t.Errorf("%+v", r)
	}
	code, _, errs := adviseOn(t, "--fail-on", "named-user", writeTo(t, "pod.yaml", strings.Replace(pod, "  securityContext: {runAsUser: 5}\n", "", 1)))
	if code != exitcode.NotSealed {
		t.Errorf("%d %s", code, errs)
	}
}

func TestAdviseGoesOnAfterAnImageThatCannotBeRead(t *testing.T) {
	ref, _, _ := served(t, v1.Config{User: "123"})
	host, _, _ := strings.Cut(ref, "/")
	pod := "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - {name: a, image: " + host + "/none:1}\n  - {name: b, image: " + ref + "}\n"
	code, out, errs := adviseOn(t, writeTo(t, "pod.yaml", pod))
	if code != exitcode.Usage || !strings.Contains(out, ref+"\n") && !strings.Contains(out, ref+" (") || !strings.Contains(out, "line 6, container a") || !strings.Contains(errs, "1 of 2") {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
}

func TestAdviseSearchesFolders(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"svc/deep/Dockerfile":         "FROM alpine:3\nCMD [\"x\"]\n",
		"broken/app.dockerfile":       "FROM alpine:3\nENV KEY\n",
		"node_modules/dep/Dockerfile": "FROM scratch\n",
		".git/Dockerfile":             "FROM scratch\n",
		"values.yaml":                 "image: x\n",
	} {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	code, out, errs := adviseOn(t, dir)
	for _, want := range []string{"deep/Dockerfile (final stage", "not proved", "app.dockerfile\n  Not advised on: line 2: ENV must have two arguments"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if code != exitcode.Usage || strings.Contains(out, "scratch") || !strings.Contains(errs, "skipped: "+filepath.Join(dir, "values.yaml")) {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
}

func TestAdviseReadsScriptsOfTheContext(t *testing.T) {
	dir := t.TempDir()
	outside := writeTo(t, "secret", "#!/bin/sh\nexec gosu app x\n")
	text := "FROM debian:13\nRUN useradd -u 1500 app\nCOPY start /start\nENTRYPOINT [\"/start\"]\n"
	file := filepath.Join(dir, "Dockerfile")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	start := filepath.Join(dir, "start")
	if err := os.WriteFile(start, []byte("#!/bin/sh\n[ \"$(id -u)\" = 0 ] && exec gosu app serve -p hunter2\nexec serve\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := adviseOn(t, file); code != 0 || !strings.Contains(out, "drops to app by gosu (/start:2") || strings.Contains(out, "hunter2") {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
	if err := os.Remove(start); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, start); err != nil {
		t.Fatal(err)
	}
	if _, out, _ := adviseOn(t, file); strings.Contains(out, "drops") {
		t.Errorf("a link out of the context was followed:\n%s", out)
	}
}

func TestAdviceHoldsNoEscapes(t *testing.T) {
	evil := "a\x1b[2J\u202eb"
	ref, _, _ := served(t, v1.Config{User: evil, Entrypoint: []string{evil}, Volumes: map[string]struct{}{"/" + evil: {}}, WorkingDir: "/" + evil, Env: []string{"HOME=/" + evil}})
	file := writeTo(t, "Dockerfile", "FROM alpine:3\nVOLUME /"+evil+"\nENTRYPOINT [\"/"+"x\u202e"+"\"]\nUSER "+evil+"\n")
	bad := writeTo(t, "Dockerfile", "FROM alpine:3\n"+evil+" x\nENV KEY\n")
	for _, args := range [][]string{{"--from", "registry", "--deep", ref}, {"--format", "json", "--from", "registry", "--deep", ref}, {file}, {"--format", "json", file}, {"--format", "sarif", file}, {bad}, {"./" + evil}, {"--from", evil, "x"}} {
		_, out, errs := adviseOn(t, args...)
		if strings.ContainsAny(out+errs, "\x1b\u202e") {
			t.Errorf("%q: escapes in %q", args, out+errs)
		}
	}
}
