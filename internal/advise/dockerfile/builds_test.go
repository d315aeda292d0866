//go:build engine

package dockerfile_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/advise"
	"github.com/podseal/podseal/internal/advise/dockerfile"
	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/docker/dockertest"
	"github.com/podseal/podseal/internal/image"
)

// standIns are what the base images of the Dockerfiles in testdata are replaced by where these are built: images of
// scripts/bases.sh, which have the users and the tools of the images that they stand for, and nothing else of them.
// debian stands for Ubuntu and for images of languages too, ubi-minimal for what has no tool for users.
var standIns = []struct{ pattern, name string }{
	{`^node:.*alpine`, "node-alpine"},
	{`dotnet/.*alpine`, "dotnet-alpine"},
	{`^alpine|-alpine$`, "alpine"},
	{`^node`, "node"},
	{`^nginx`, "nginx"},
	{`^jenkins`, "jenkins"},
	{`dotnet/.*chiseled`, "chiseled"},
	{`dotnet/`, "dotnet"},
	{`distroless/.*nonroot`, "distroless-nonroot"},
	{`distroless/`, "distroless"},
	{`ubi-minimal|ubi-micro`, "ubi-minimal"},
	{`/ubi`, "ubi"},
	{`^(debian|ubuntu|php|python|golang|eclipse-temurin|registry\.example\.com/team/runtime|\$\{BASE\})`, "debian"},
}

func standIn(ref string) string {
	for _, s := range standIns {
		if regexp.MustCompile(s.pattern).MatchString(ref) {
			return s.name
		}
	}
	return ""
}

var fromBase = regexp.MustCompile(`(?mi)^(\s*FROM\s+(?:--\S+\s+)?)(\S+)`)

// onStandIns replaces the base images of a Dockerfile, and returns the one that cannot be replaced.
func onStandIns(text string) (out, missing string) {
	var stages []string
	for _, m := range regexp.MustCompile(`(?mi)^\s*FROM\s.*\sAS\s+(\S+)`).FindAllStringSubmatch(text, -1) {
		stages = append(stages, strings.ToLower(m[1]))
	}
	out = fromBase.ReplaceAllStringFunc(text, func(from string) string {
		m := fromBase.FindStringSubmatch(from)
		if ref := m[2]; ref != "scratch" && !slices.Contains(stages, strings.ToLower(ref)) {
			name := standIn(ref)
			if name == "" {
				missing = ref
			}
			return m[1] + "podseal-base/" + name
		}
		return from
	})
	return out, missing
}

// notHere are the Dockerfiles that cannot be built in a test, with the reason.
var notHere = map[string]string{
	"14-debian-heredoc": "it has here-documents, which the engines of some distributions do not read yet",
	"44-windows":        "it is for Windows",
}

// TestPatchedDockerfilesBuild builds each changed Dockerfile on stand-ins for its base images: the image has the numeric
// user of the change, with the account that was made for it, and what it declares as a VOLUME is that user's.
func TestPatchedDockerfilesBuild(t *testing.T) {
	engine := builder(t)
	files, err := filepath.Glob("testdata/corpus/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	built := 0
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r := check(t, string(txtar.Parse(data).Files[0].Data))
		text, missing := onStandIns(string(r.Patched))
		switch {
		case notHere[name] != "":
			t.Logf("%s is not built: %s", name, notHere[name])
			continue
		case r.Refused != "":
			t.Logf("%s is not changed: %s", name, r.Refused)
			continue
		case strings.Contains(text, "ADD https://"):
			t.Logf("%s is not built: it fetches a file from the network", name)
			continue
		case missing != "":
			t.Errorf("%s: nothing stands for %s", name, missing)
			continue
		}
		built++
		t.Run(name, func(t *testing.T) {
			ref, err := engine.Build(t.Context(), docker.Build{Dir: contextOf(t, text), Name: "Dockerfile", Dockerfile: []byte(text)})
			if err != nil {
				t.Fatalf("%v\n%s\n%s", err, linesOf(err), text)
			}
			judgeBuilt(t, engine, ref, r.NewUser, strings.Join(r.Says, "\n"))
		})
	}
	if built < 40 {
		t.Errorf("%d Dockerfiles were built, want at least 40", built)
	}
}

// TestPatchOfABaseThatIsRead: the same, for a base image that the catalog does not know and that is read itself, so that
// the tools of Red Hat's images are used too.
func TestPatchOfABaseThatIsRead(t *testing.T) {
	engine := builder(t)
	want := map[string]string{ // what the change does, by stand-in
		"debian": "useradd --uid 10001 --gid app --create-home --shell /usr/sbin/nologin", "alpine": "adduser -u 10001 -S -D -G app",
		"ubi": "useradd --uid 10001 --gid app --create-home --shell /sbin/nologin", "ubi-minimal": "ENV HOME=/tmp",
		"node": "USER 1000:1000", "node-alpine": "USER 1000:1000", "jenkins": "USER 1000:1000", "dotnet": "USER 1654:1654",
		"dotnet-alpine": "USER 1654:1654", "nginx": "USER 10001:10001", "distroless": "USER 65532:65532", "chiseled": "",
	}
	for name, change := range want {
		t.Run(name, func(t *testing.T) {
			text := "FROM podseal-base/" + name + "\nCOPY app /app\nVOLUME /data\nCMD [\"/app\"]\n"
			if name == "distroless" || name == "chiseled" {
				text = strings.Replace(text, "VOLUME /data\n", "", 1)
			}
			base := func(ref string) dockerfile.Base {
				facts, err := engine.Image(t.Context(), ref, "")
				if err != nil {
					t.Fatal(err)
				}
				tree, err := engine.Tree(t.Context(), facts)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = tree.Close(context.Background()) }()
				b, err := advise.BaseFacts(t.Context(), facts, tree)
				if err != nil {
					t.Fatal(err)
				}
				return b
			}
			r, err := dockerfile.Check([]byte(text), dockerfile.Options{Base: base})
			if err != nil || !strings.Contains(r.Diff, change) || change == "" && !r.Fine {
				t.Fatalf("%v, want %q in\n%s", err, change, r.Diff)
			}
			ref, err := engine.Build(t.Context(), docker.Build{Dir: contextOf(t, text), Name: "Dockerfile", Dockerfile: r.Patched})
			if err != nil {
				t.Fatalf("%v\n%s", err, r.Patched)
			}
			judgeBuilt(t, engine, ref, r.NewUser, strings.Join(r.Says, "\n"))
		})
	}
}

// judgeBuilt inspects an image that was built of a change.
func judgeBuilt(t *testing.T, engine *docker.Client, ref, user, says string) {
	t.Helper()
	facts, err := engine.Image(t.Context(), ref, "")
	if err != nil {
		t.Fatal(err)
	}
	declared := facts.Config.Config.User
	uid, _, _ := strings.Cut(declared, ":")
	if n, err := strconv.Atoi(uid); err != nil || n <= 0 || user != "" && declared != user {
		t.Fatalf("USER is %q, want the number %q", declared, user)
	}
	account := strings.Contains(says, "new account") || strings.Contains(says, "fixed uid") || strings.Contains(says, "is the account")
	if !account && len(facts.Config.Config.Volumes) == 0 {
		return
	}
	tree, err := engine.Tree(t.Context(), facts)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tree.Close(context.Background()) }()
	if account {
		users, err := image.ReadUsers(t.Context(), tree)
		if r, rerr := users.Resolve(declared); err != nil || rerr != nil || !r.InPasswd {
			t.Errorf("USER %s has no account: %v %v\n%s", declared, err, rerr, says)
		}
	}
	if len(facts.Config.Config.Volumes) == 0 {
		return
	}
	report, err := advise.Image(t.Context(), facts, tree, advise.Options{})
	if err != nil || report.Model != advise.NonRoot {
		t.Fatalf("%s (%v)", report.Model, err)
	}
	if id, found := report.Has([]string{advise.IDOwner}); found && user != "" && !strings.Contains(says, "no RUN can make it") {
		t.Errorf("a volume is not the user's: %s\n%s", id, report.Text())
	}
}

// linesOf are the last lines of a build that failed.
func linesOf(err error) string {
	if failed := new(docker.BuildError); errors.As(err, &failed) {
		return strings.Join(failed.Lines, "\n")
	}
	return ""
}

// builder is an engine that has the stand-ins.
func builder(t *testing.T) *docker.Client {
	t.Helper()
	t.Setenv("DOCKER_BUILDKIT", "1") // the classic builder knows neither COPY --chmod nor BUILDPLATFORM
	engine, err := docker.New(t.Context(), docker.Options{})
	if err != nil {
		dockertest.Missing(t, "no Docker engine to build with: "+err.Error())
	}
	t.Cleanup(func() {
		if err := engine.Sweep(context.Background()); err != nil {
			t.Error(err)
		}
		_ = engine.Close()
	})
	if out, err := exec.CommandContext(t.Context(), "../../../scripts/bases.sh").CombinedOutput(); err != nil {
		dockertest.Missing(t, "no stand-ins for base images: "+string(out))
	}
	return engine
}

// contextOf makes a folder that has what the COPYs of a Dockerfile take from it.
func contextOf(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	for _, m := range regexp.MustCompile(`(?mi)^[ \t]*(?:COPY|ADD)((?:[ \t]+\S+)+)\r?$`).FindAllStringSubmatch(text, -1) {
		words := strings.Fields(strings.ReplaceAll(m[1], "\r", ""))
		if slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, "--from") || strings.Contains(w, "<<") }) {
			continue
		}
		words = slices.DeleteFunc(words, func(w string) bool { return strings.HasPrefix(w, "--") })
		for _, src := range words[:len(words)-1] {
			at := filepath.Join(dir, strings.ReplaceAll(src, "*", ""))
			if strings.HasSuffix(src, "/") || src == "." {
				at = filepath.Join(at, "file")
			}
			if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(at); err == nil {
				continue
			}
			if err := os.WriteFile(at, []byte("#!/bin/sh\n"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}
