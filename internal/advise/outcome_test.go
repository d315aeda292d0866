package advise_test

import (
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/advise"
	"github.com/podseal/podseal/internal/advise/dockerfile"
)

func TestProofText(t *testing.T) {
	for _, c := range []struct {
		p    advise.Proof
		want string
	}{
		{advise.Proof{Proved: true, Why: "it works."}, "Proved: it works.\n"},
		{
			advise.Proof{Proved: true, Why: "it works", Mounts: []string{"/a", "/b"}, Image: "app:new"},
			"Proved: it works.\n  It writes to /a, /b; `podseal run` makes the manifest.\n  The image was kept as app:new.\n",
		},
		{advise.Proof{Why: "it fails", Mounts: []string{"/a"}, Build: []string{"error"}}, "Not proved: it fails.\n  | error\n"},
	} {
		if got := c.p.Text(); got != c.want {
			t.Errorf("got\n%swant\n%s", got, c.want)
		}
	}
}

func TestContainersInText(t *testing.T) {
	r := advise.Report{Image: "web:1", Model: advise.NonRoot, Why: "USER 7", Containers: []string{"a of Pod p", "b of Pod p"}}
	const want = "web:1\n  Run by a of Pod p, b of Pod p\n\n  non-root"
	if got := r.Text(); !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s", got)
	}
}

func TestDockerfileText(t *testing.T) {
	const unproved = "  The change is not proved: nothing was built or run; podseal advise --prove does.\n"
	result := func(r dockerfile.Result) advise.DockerfileReport {
		r.Base = "debian"
		return advise.DockerfileReport{File: "Dockerfile", Result: r}
	}
	proved, written, read, unknown := result(dockerfile.Result{Diff: "-a\n+b\n"}), result(dockerfile.Result{Diff: "-a\n+b\n"}), result(dockerfile.Result{}), advise.DockerfileReport{File: "Dockerfile"}
	proved.Proof, written.Written, read.BaseRead = &advise.Proof{Proved: true, Why: "it works"}, true, true
	for want, d := range map[string]advise.DockerfileReport{
		"Dockerfile (final stage from debian)\n  Nothing to do: USER 7 is a number and not root.\n":  result(dockerfile.Result{Fine: true, User: "7"}),
		"Dockerfile (final stage from debian)\n  No change: it is too odd.\n":                        result(dockerfile.Result{Refused: "it is too odd"}),
		"Dockerfile (final stage from debian)\n" + unproved + "\n-a\n+b\n":                           result(dockerfile.Result{Diff: "-a\n+b\n"}),
		"Dockerfile (final stage from debian)\n  Written to Dockerfile.\n" + unproved + "\n-a\n+b\n": written,
		"Dockerfile (final stage from debian)\n\n-a\n+b\n\nProved: it works.\n":                      proved,
		"Dockerfile (final stage from debian, as the engine has it)\n":                               read,
		"Dockerfile (final stage from an image that is not known)\n":                                 unknown,
	} {
		if got := d.Text(); got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	}
}
