//go:build engine

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const nginx = "podseal-example/nginx:latest"

// badInput is a call that cannot work, with the words that its one line on stderr must have.
type badInput struct {
	name string
	args []string
	env  []string
	code int
	says string
}

func badInputs(t *testing.T) []badInput {
	t.Helper()
	file := func(name, content string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	missing := filepath.Join(t.TempDir(), "missing.yaml")
	text := file("text.yaml", "this: is\n\tnot: [yaml\n")
	configMap := file("configmap.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {b: c}\n")
	windows := file("windows.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  os: {name: windows}\n"+
		"  containers:\n  - name: a\n    image: "+nginx+"\n")
	return []badInput{
		{name: "no image", args: []string{"run"}, code: exitUsage, says: "image"},
		{name: "unknown verb", args: []string{"frobnicate"}, code: exitUsage, says: "frobnicate"},
		{name: "unknown flag", args: []string{"run", "--frobnicate", nginx}, code: exitUsage, says: "--frobnicate"},
		{name: "malformed image", args: []string{"run", "no such image", "--", "true"}, code: exitUsage, says: "no such image"},
		{name: "malformed port", args: []string{"run", nginx, "--port", "eighty", "--", "true"}, code: exitUsage, says: "eighty"},
		{name: "no such manifest", args: []string{"run", "-f", missing, "--", "true"}, code: exitUsage, says: missing},
		{name: "no such env file", args: []string{"run", nginx, "--env-file", missing, "--", "true"}, code: exitUsage, says: missing},
		{name: "not YAML", args: []string{"run", "-f", text, "--", "true"}, code: exitUsage, says: text},
		{name: "no pod in the manifest", args: []string{"run", "-f", configMap, "--", "true"}, code: exitUsage, says: configMap},
		{name: "Windows pod", args: []string{"run", "-f", windows, "--", "true"}, code: exitUsage, says: "indows"},
		{name: "no such user in the image", args: []string{"run", "-u", "nosuch", nginx, "--", "true"}, code: exitUsage, says: "--user nosuch"},
		{name: "no such network", args: []string{"run", "--network", "podseal-nosuch", nginx, "--", "true"}, code: exitUsage, says: "--network podseal-nosuch"},
		{name: "no such container's network", args: []string{"run", "--network", "container:podseal-nosuch", nginx, "--", "true"}, code: exitUsage, says: "container:podseal-nosuch"},
		{
			name: "an API version that the engine does not speak", args: []string{"run", nginx, "--", "true"},
			env: []string{"DOCKER_API_VERSION=1.99"}, code: exitUsage, says: "DOCKER_API_VERSION=1.99",
		},
		{
			name: "an API version that is none", args: []string{"diff", "x"},
			env: []string{"DOCKER_API_VERSION=new"}, code: exitUsage, says: "DOCKER_API_VERSION=new",
		},
		{name: "no such e2e command", args: []string{"run", nginx, "--", "/no/such/command"}, code: exitUsage, says: "/no/such/command"},
		{
			name: "unreachable engine", args: []string{"run", nginx, "--", "true"},
			env: []string{"DOCKER_HOST=unix:///nonexistent/docker.sock"}, code: exitError, says: "unix:///nonexistent/docker.sock",
		},
		{
			name: "gc without an engine", args: []string{"gc"},
			env: []string{"DOCKER_HOST=unix:///nonexistent/docker.sock"}, code: exitError, says: "unix:///nonexistent/docker.sock",
		},
	}
}

// TestBadInput checks that a call that cannot work ends with one clear line, the right exit code and no partial result.
func TestBadInput(t *testing.T) {
	for _, bad := range badInputs(t) {
		t.Run(bad.name, func(t *testing.T) {
			got := podsealWith(t, bad.env, bad.args...)
			got.mustExit(t, bad.code)
			if got.stdout != "" {
				t.Errorf("stdout is not empty: %q", got.stdout)
			}
			if lines := strings.Count(got.stderr, "\n"); lines != 1 || !strings.HasSuffix(got.stderr, "\n") {
				t.Errorf("want one line on stderr, got %d:\n%s", lines, got.stderr)
			}
			if !strings.Contains(got.stderr, bad.says) {
				t.Errorf("stderr does not name %q:\n%s", bad.says, got.stderr)
			}
		})
	}
}

// TestUnknownImage accepts two messages: how far the engine gets in pulling an image depends on the network.
func TestUnknownImage(t *testing.T) {
	const image = "podseal-example/no-such-image:latest"
	out := filepath.Join(t.TempDir(), "pod.yaml")
	got := podseal(t, "run", image, "-o", out, "--", "true")
	got.mustExit(t, exitUsage)
	if last := lastLine(got.stderr); !strings.Contains(last, image) {
		t.Errorf("the last line of stderr does not name the image:\n%s", got.stderr)
	}
	if _, err := os.Stat(out); !os.IsNotExist(err) {
		t.Errorf("%s was written for an image that does not exist (%v)", out, err)
	}
}

// TestFailingCommands checks that e2e commands that fail on the open run end it there.
func TestFailingCommands(t *testing.T) {
	out := filepath.Join(t.TempDir(), "pod.yaml")
	got := podseal(t, "run", nginx, "-o", out, "--", "sh", "-c", "echo 'the shop is closed'; exit 7")
	got.mustExit(t, exitE2EFails)
	if !strings.Contains(got.stderr, "the shop is closed") || !strings.Contains(got.stderr, "7") {
		t.Errorf("stderr shows neither the command's output nor its status:\n%s", got.stderr)
	}
	if _, err := os.Stat(out); !os.IsNotExist(err) {
		t.Errorf("%s was written although the commands failed (%v)", out, err)
	}
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}
