package dockerfile_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/advise"
	"github.com/podseal/podseal/internal/advise/dockerfile"
	"github.com/podseal/podseal/internal/golden"
	"github.com/rogpeppe/go-internal/txtar"
)

func catalog(t *testing.T) advise.Catalog {
	t.Helper()
	c, err := advise.ShippedCatalog()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func check(t *testing.T, text string) dockerfile.Result {
	t.Helper()
	r, err := dockerfile.Check([]byte(text), dockerfile.Options{Base: catalog(t).Base})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Each file holds a Dockerfile on base images of the shipped catalog, and what is expected: findings, what the change says, and the diff.
func TestCorpus(t *testing.T) {
	files, err := filepath.Glob("testdata/corpus/*.txtar")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d Dockerfiles, want at least 40 (%v)", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			archive := txtar.Parse(data)
			source := archive.Files[0].Data
			if strings.Contains(file, "no-newline") {
				source = bytes.TrimSuffix(source, []byte("\n")) // txtar ends every file in a newline
			}
			r := check(t, string(source))
			got := summary(r)
			archive.Files = append(archive.Files[:1], golden.Want(got)...)
			golden.Check(t, file, archive)
			if r.Diff == "" {
				if !bytes.Equal(r.Patched, source) {
					t.Error("no diff, and yet a change")
				}
				return
			}
			if again := check(t, string(r.Patched)); !again.Fine || again.Diff != "" {
				t.Errorf("a second run changes it again:\n%s", again.Diff)
			}
			applies(t, source, r)
		})
	}
}

func summary(r dockerfile.Result) string {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%d: %s: %s\n", f.Line, f.Rule, f.Says)
	}
	for _, s := range r.Says {
		fmt.Fprintln(&b, "#", s)
	}
	if r.Refused != "" {
		fmt.Fprintln(&b, "refused:", r.Refused)
	}
	if r.Fine {
		fmt.Fprintln(&b, "fine")
	}
	return b.String() + strings.ReplaceAll(r.Diff, "\r", "<CR>")
}

// applies checks that git apply makes the changed file of the diff.
func applies(t *testing.T, source []byte, r dockerfile.Result) {
	t.Helper()
	git, err := exec.LookPath("git")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("git is not installed, and CI must not skip")
		}
		t.Skip("git is not installed: the diff was not applied with it")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "Dockerfile")
	if err := os.WriteFile(file, source, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(git, "apply", "--whitespace=nowarn", "-")
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(r.Diff)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, r.Diff)
	}
	if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, r.Patched) {
		t.Errorf("git apply made %q (%v), want %q", got, err, r.Patched)
	}
}

// Known mistakes of linters.
func TestMistakesOfLinters(t *testing.T) {
	has := func(r dockerfile.Result, rule string) bool {
		for _, f := range r.Findings {
			if f.Rule == rule {
				return true
			}
		}
		return false
	}
	if r := check(t, "FROM debian:bookworm\nCMD [\"bash\"]\n"); !has(r, dockerfile.RuleRoot) {
		t.Error("a missing USER passes (hadolint DL3002)")
	}
	if r := check(t, "FROM gcr.io/distroless/static-debian13:nonroot\nCOPY a /a\n"); !r.Fine || len(r.Findings) > 0 {
		t.Error("a non-root base image without USER fails (Trivy DS-0002)")
	}
	for _, user := range []string{"0", "root", "root:root", "0:0", "0:1000"} {
		if r := check(t, "FROM debian:bookworm\nUSER "+user+"\n"); !has(r, dockerfile.RuleRoot) || !strings.HasSuffix(string(r.Patched), "USER 10001:10001\n") {
			t.Errorf("USER %s passes (Checkov CKV_DOCKER_8, Dockle CIS-DI-0001)\n%s", user, r.Diff)
		}
	}
	if r := check(t, "FROM debian:bookworm\nRUN useradd -u 5 x\nUSER x\n"); !has(r, dockerfile.RuleNamed) {
		t.Error("a name is not questioned (Checkov, Dockle)")
	}
	r := check(t, "FROM debian:bookworm\nCMD [\"bash\"]\n")
	if !strings.Contains(string(r.Patched), "useradd --uid 10001") {
		t.Errorf("the change names a user that does not exist (Semgrep)\n%s", r.Patched)
	}
}

func TestDockerfileTargetsAndFolders(t *testing.T) {
	text := "FROM debian:bookworm AS a\nCOPY x /data/x\nCMD [\"a\"]\nFROM scratch\nUSER 1\n"
	r, err := dockerfile.Check([]byte(text), dockerfile.Options{Base: catalog(t).Base, Target: "A", Writes: []string{"/data", "/var/spool/a"}})
	if err != nil {
		t.Fatal(err)
	}
	want := "FROM debian:bookworm AS a\nCOPY --chown=10001:10001 x /data/x\nRUN groupadd --gid 10001 app \\\n" +
		" && useradd --uid 10001 --gid app --create-home --shell /usr/sbin/nologin app\n" +
		"RUN install -d -o 10001 -g 10001 /var/spool/a\nUSER 10001:10001\nCMD [\"a\"]\nFROM scratch\nUSER 1\n"
	if string(r.Patched) != want {
		t.Errorf("got\n%s\nwant\n%s", r.Patched, want)
	}
	if _, err := dockerfile.Check([]byte(text), dockerfile.Options{Base: catalog(t).Base, Target: "none"}); err == nil {
		t.Error("a stage that is not there gave no error")
	}
	for _, bad := range []string{"", "RUN x\n", "nonsense", "FROM\n"} {
		if _, err := dockerfile.Check([]byte(bad), dockerfile.Options{Base: catalog(t).Base}); err == nil {
			t.Errorf("%q gave no error", bad)
		}
	}
}

func FuzzDockerfile(f *testing.F) {
	files, _ := filepath.Glob("testdata/corpus/*.txtar")
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil {
			f.Add(string(txtar.Parse(data).Files[0].Data))
		}
	}
	c, err := advise.ShippedCatalog()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := dockerfile.Check([]byte(text), dockerfile.Options{Base: c.Base})
		if err != nil || r.Diff == "" {
			return
		}
		again, err := dockerfile.Check(r.Patched, dockerfile.Options{Base: c.Base})
		if err != nil {
			t.Fatalf("the change broke it: %v\n%q\n%q", err, text, r.Patched)
		}
		if again.Diff != "" {
			t.Fatalf("a second run changes it again\n%q\n%s", text, again.Diff)
		}
	})
}
