package emit

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/rogpeppe/go-internal/txtar"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// goldens runs one function over each archive of testdata/DIR. It gets the files whose names do not start with "want", and
// returns those that do.
func goldens(t *testing.T, dir string, run func(t *testing.T, files map[string][]byte) []txtar.File) {
	t.Helper()
	golden.Run(t, filepath.Join("testdata", dir, "*.txtar"), func(t *testing.T, a *txtar.Archive) []txtar.File {
		files := map[string][]byte{}
		for _, f := range a.Files {
			if !strings.HasPrefix(f.Name, "want") {
				files[f.Name] = f.Data
			}
		}
		return run(t, files)
	})
}

func want(name string, data []byte) txtar.File { return txtar.File{Name: name, Data: data} }

// podCase is the JSON of a golden: an Input without the parts that no case needs.
type podCase struct {
	Name, Image, Digest, WorkingDir string
	Entrypoint, Args                []string
	Env                             []target.EnvVar
	Ports                           []int
	Exposed                         []string
	Completes                       bool
	Profile                         profile.Profile
}

func (c podCase) input() Input {
	config := &v1.ConfigFile{}
	config.Config.ExposedPorts = map[string]struct{}{}
	for _, p := range c.Exposed {
		config.Config.ExposedPorts[p] = struct{}{}
	}
	return Input{
		Name:    c.Name,
		Profile: c.Profile,
		Facts:   image.Facts{Ref: c.Image, Digest: c.Digest, Config: config},
		Target: target.Target{
			Image: c.Image, Entrypoint: c.Entrypoint, Args: c.Args, Env: c.Env, WorkingDir: c.WorkingDir, Ports: c.Ports,
			Completes: c.Completes,
		},
	}
}

func TestPod(t *testing.T) {
	goldens(t, "pod", func(t *testing.T, files map[string][]byte) []txtar.File {
		var c podCase
		if err := json.Unmarshal(files["input.json"], &c); err != nil {
			t.Fatal(err)
		}
		got, err := Pod(c.input())
		if err != nil {
			return []txtar.File{want("want", []byte("error: "+err.Error()+"\n"))}
		}
		return []txtar.File{want("want", got)}
	})
}

// Each string arrives in the cluster as it was given, whatever YAML would make of it.
func TestPodKeepsStrings(t *testing.T) {
	odd := []string{
		"", " ", "~", "null", "yes", "No", "on", "y", "0", "-1", "0x10", "0o17", "1_000", "1e3", "12:30:45", ".inf", ".5", "2024-01-01",
		"a: b", "a:", ":a", "a #b", "#a", "- a", "-", "--", "---", "...", "%a", "@a", "`a", "&a", "*a", "!a", "|", ">", "a\nb", "a\n", "\ta",
		"'", `"`, `\`, "it's", `say "hi"`, "{a}", "[a]", "a,b", "é", "日本", "\u2028", "\u0085", "\ufeff", "😀", "\x07", "\x7f", "a  b", "a ", "<<", "=",
	}
	var env []target.EnvVar
	for i, s := range odd {
		env = append(env, target.EnvVar{Name: "V" + string(rune('A'+i/26)) + string(rune('A'+i%26)), Value: s})
	}
	out, err := Pod(Input{
		Name: "odd", Target: target.Target{Image: "i", Args: odd, Env: env},
		Profile: profile.Profile{User: profile.User{UID: 1, GID: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var pod corev1.Pod
	if err := yaml.UnmarshalStrict(out, &pod); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(odd, pod.Spec.Containers[0].Args); diff != "" {
		t.Errorf("args: -want +got:\n%s", diff)
	}
	for i, e := range pod.Spec.Containers[0].Env {
		if e.Value != odd[i] {
			t.Errorf("env %s: %q, want %q", e.Name, e.Value, odd[i])
		}
	}
}

func TestUnproved(t *testing.T) {
	got := string(Unproved([]byte("kind: Pod\n")))
	if !strings.HasPrefix(got, "# NOT PROVED: ") || !strings.HasSuffix(got, "\nkind: Pod\n") || strings.Count(got, "\n") != 2 {
		t.Errorf("got %q", got)
	}
}
