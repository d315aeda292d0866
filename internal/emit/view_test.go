package emit

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/podspec"
	"github.com/podseal/podseal/internal/target"
)

// TestViews writes each case as values for a chart, as Compose services and as docker run lines, and has each of them
// read as strictly as its reader can be.
func TestViews(t *testing.T) {
	goldens(t, "view", func(t *testing.T, files map[string][]byte) []txtar.File {
		all := viewInputs(t, files)
		var out []txtar.File
		for _, v := range []struct {
			name  string
			write func([]Input) (View, error)
			check func(*testing.T, []Input, View)
		}{{"helm-values", HelmValues, checkValues}, {"compose", Compose, checkCompose}, {"docker", DockerRun, checkDockerRun}} {
			got, err := v.write(all)
			if err != nil {
				out = append(out, want("want-"+v.name+"-error", []byte(err.Error()+"\n")))
				continue
			}
			for _, note := range got.Notes {
				if !strings.Contains(string(got.Text), "# "+note) {
					t.Errorf("%s: the note %q is not in the text", v.name, note)
				}
			}
			v.check(t, all, got)
			out = append(out, want("want-"+v.name, got.Text))
		}
		return out
	})
}

func viewInputs(t *testing.T, files map[string][]byte) []Input {
	t.Helper()
	if data, ok := files["input.json"]; ok {
		var c podCase
		if err := json.Unmarshal(data, &c); err != nil {
			t.Fatal(err)
		}
		return []Input{c.input()}
	}
	var cases []spliceCase
	if err := json.Unmarshal(files["profiles.json"], &cases); err != nil {
		t.Fatal(err)
	}
	f, err := manifest.Parse("in.yaml", files["in.yaml"], "")
	if err != nil {
		t.Fatal(err)
	}
	edits, err := editsOf(f, cases)
	if err != nil {
		t.Fatal(err)
	}
	var out []Input
	for _, e := range edits {
		c, _ := e.Pod.Container(e.Container)
		in := Input{Name: c.Name, Pod: e.Pod, Profile: e.Profile, Target: target.Target{Image: c.Image}}
		for _, v := range c.Env {
			value := v.Value
			if v.ValueFrom != nil {
				value = "very secret"
			}
			in.Target.Env = append(in.Target.Env, target.EnvVar{Name: v.Name, Value: value})
		}
		out = append(out, in)
	}
	return out
}

// checkValues puts the values where a chart with the common keys puts them, and has Kubernetes' types read that.
func checkValues(t *testing.T, all []Input, v View) {
	t.Helper()
	type container struct {
		SecurityContext   *corev1.SecurityContext `json:"securityContext"`
		ExtraVolumeMounts []corev1.VolumeMount    `json:"extraVolumeMounts"`
	}
	for doc := range strings.SplitSeq(string(v.Text), "\n---\n") {
		var values struct {
			container          `json:",inline"`
			PodSecurityContext *corev1.PodSecurityContext `json:"podSecurityContext"`
			ExtraVolumes       []corev1.Volume            `json:"extraVolumes"`
			InitContainers     []corev1.Container         `json:"initContainers"`
			One                *container                 `json:"one"`
			Two                *container                 `json:"two"`
		}
		if err := yaml.UnmarshalStrict([]byte(doc), &values); err != nil {
			t.Errorf("%v\n%s", err, doc)
			continue
		}
		pod := corev1.Pod{Spec: corev1.PodSpec{SecurityContext: values.PodSecurityContext, Volumes: values.ExtraVolumes, InitContainers: values.InitContainers}}
		for i, c := range []*container{&values.container, values.One, values.Two} {
			if c != nil && c.SecurityContext != nil {
				pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: string(rune('a' + i)), SecurityContext: c.SecurityContext, VolumeMounts: c.ExtraVolumeMounts})
			}
		}
		if slices.ContainsFunc(all, func(in Input) bool { return len(in.Profile.Exceptions()) > 0 }) {
			continue
		}
		if err := podspec.CheckRestricted(&pod); err != nil || len(pod.Spec.Containers) == 0 {
			t.Errorf("a chart with these values: %v\n%s", err, doc)
		}
	}
}

// checkCompose reads the services strictly, with a type of the fields that Compose knows.
func checkCompose(t *testing.T, all []Input, v View) {
	t.Helper()
	var file struct {
		Services map[string]struct {
			Image       string             `json:"image"`
			Platform    string             `json:"platform"`
			NetworkMode string             `json:"network_mode"`
			WorkingDir  string             `json:"working_dir"`
			Entrypoint  []string           `json:"entrypoint"`
			Command     []string           `json:"command"`
			Environment map[string]*string `json:"environment"`
			User        string             `json:"user"`
			GroupAdd    []string           `json:"group_add"`
			ReadOnly    bool               `json:"read_only"`
			Tmpfs       []string           `json:"tmpfs"`
			Volumes     []struct {
				Type   string `json:"type"`
				Target string `json:"target"`
			} `json:"volumes"`
			CapDrop     []string          `json:"cap_drop"`
			CapAdd      []string          `json:"cap_add"`
			SecurityOpt []string          `json:"security_opt"`
			Sysctls     map[string]string `json:"sysctls"`
		} `json:"services"`
	}
	if err := yaml.UnmarshalStrict(v.Text, &file); err != nil {
		t.Fatalf("%v\n%s", err, v.Text)
	}
	if len(file.Services) != len(all) {
		t.Errorf("%d services for %d containers", len(file.Services), len(all))
	}
	for _, s := range file.Services {
		if len(all) == 1 && len(s.Tmpfs)+len(s.Volumes) < len(all[0].Profile.Mounts) {
			t.Errorf("a mount is missing:\n%s", v.Text)
		}
		for i, word := range s.Command {
			if got := strings.ReplaceAll(word, "$$", "$"); got != all[0].Target.Args[i] {
				t.Errorf("argument %q, want %q", got, all[0].Target.Args[i])
			}
		}
	}
}

// checkDockerRun has a shell take the lines apart, with docker replaced: the words that arrive are the ones that were
// meant.
func checkDockerRun(t *testing.T, all []Input, v View) {
	t.Helper()
	cmd := exec.Command("sh", "-c", `docker() { for w; do printf '%s\0' "$w"; done; printf '\n\0'; }`+"\n"+string(v.Text))
	said, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, v.Text)
	}
	calls := strings.Split(strings.TrimSuffix(string(said), "\x00\n\x00"), "\x00\n\x00")
	if len(calls) != len(all) {
		t.Fatalf("%d calls for %d containers:\n%s", len(calls), len(all), v.Text)
	}
	for i, in := range all {
		words := strings.Split(calls[i], "\x00")
		rest := words[len(words)-len(in.Target.Args):]
		if words[0] != "run" || !slices.Equal(rest, in.Target.Args) {
			t.Errorf("the call is %q", words)
		}
		for _, e := range in.Target.Env {
			if in.Pod == nil && !slices.Contains(words, e.Name+"="+e.Value) {
				t.Errorf("%s=%s is missing in %q", e.Name, e.Value, words)
			}
		}
	}
}
