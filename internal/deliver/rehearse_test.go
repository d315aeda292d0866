package deliver

import (
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/config"
)

const podHead = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {app: p}}\nspec:\n"

// TestRehearse has manifests that cannot take a seal, with the place and the reason that the user must see.
func TestRehearse(t *testing.T) {
	for _, c := range []struct {
		name, manifest string
		only           string // the container to seal; empty for all
		options        Options
		allow          []string
		want           string // in the error; empty: none
		note           string // in the notes
	}{
		{name: "plain", manifest: podHead + "  containers: [{name: a, image: x}]\n"},
		{
			name: "anchor of the sealed container, used by another", only: "a",
			manifest: podHead + "  containers:\n  - name: a\n    image: x\n    securityContext: &sc\n      runAsUser: 0\n  - name: b\n    image: x\n    securityContext: *sc\n",
			want:     "in.yaml:8: anchor &sc",
		},
		{
			name:     "the same, both sealed",
			manifest: podHead + "  containers:\n  - name: a\n    image: x\n    securityContext: &sc\n      runAsUser: 0\n  - name: b\n    image: x\n    securityContext: *sc\n",
		},
		{
			name: "the alias is sealed alone", only: "b",
			manifest: podHead + "  containers:\n  - name: a\n    image: x\n    securityContext: &sc\n      runAsUser: 0\n  - name: b\n    image: x\n    securityContext: *sc\n",
		},
		{
			name: "another anchor stands before", only: "a",
			manifest: podHead + "  restartPolicy: Always\n  containers:\n  - name: a\n    image: x\n    env: &env [{name: A, value: b}]\n    securityContext: &sc\n      runAsUser: 0\n" +
				"  - name: b\n    image: x\n    env: *env\n    securityContext: *sc\n",
			want: "in.yaml:10: anchor &sc",
		},
		{
			name: "an anchor below the edited place", only: "a",
			manifest: podHead + "  containers:\n  - name: a\n    image: x\n    securityContext:\n      capabilities: &caps {drop: [KILL]}\n" +
				"  - name: b\n    image: x\n    env: [&v {name: A, value: b}, *v]\n    securityContext:\n      capabilities: *caps\n",
			want: "in.yaml:9: anchor &caps",
		},
		{
			name: "a merged anchor", only: "a",
			manifest: podHead + "  containers:\n  - name: a\n    image: x\n    securityContext: &sc\n      privileged: true\n" +
				"  - name: b\n    image: x\n    securityContext:\n      <<: *sc\n",
			want: "in.yaml:8: anchor &sc",
		},
		{
			name: "an anchor in a place that only some seals edit", only: "a",
			manifest: podHead + "  containers:\n  - name: a\n    image: x\n    volumeMounts: &vm\n    - {name: v, mountPath: /v}\n" +
				"  - name: b\n    image: x\n    volumeMounts: *vm\n  volumes: [{name: v, emptyDir: {}}]\n",
			note: "in.yaml:8: anchor &vm",
		},
		{
			name:     "no line end in a block scalar",
			manifest: podHead + "  containers:\n  - name: a\n    image: x\n    args:\n    - |\n      echo one\n      echo two",
			want:     "in.yaml:11: the last line belongs to .spec.containers[0].args[0], and has no line end",
		},
		{
			name:     "no line end in a plain scalar",
			manifest: podHead + "  containers:\n  - name: a\n    image: x",
		},
		{
			name:     "aliases that multiply",
			manifest: podHead + "  containers: [{name: a, image: x}]\nx:\n" + bomb("  "),
			want:     "in.yaml:",
		},
		{
			name:     "an exception that leaves the place alone",
			manifest: podHead + "  containers:\n  - name: a\n    image: x\n    securityContext: &sc {runAsUser: 0, runAsGroup: 0, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, seccompProfile: {type: RuntimeDefault}}\n  - name: b\n    image: x\n    securityContext: *sc\n",
			only:     "a", allow: []string{"runAsNonRoot"},
		},
		{
			name:     "sealed already, as its own user",
			manifest: podHead + "  containers:\n  - name: a\n    image: x\n    securityContext: &sc {runAsUser: 5, runAsGroup: 6, runAsNonRoot: true, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, seccompProfile: {type: RuntimeDefault}}\n  - name: b\n    image: x\n    securityContext: *sc\n",
			only:     "a",
		},
		{
			name:     "no labels for a policy",
			manifest: "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a, image: x}]}\n",
			options:  Options{NetworkPolicy: "np.yaml"},
			want:     "np.yaml cannot be written: writing a NetworkPolicy for p: its pod has no labels",
		},
		{
			name:     "another pod of the file breaks the level restricted",
			manifest: podHead + "  containers: [{name: a, image: x}]\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: loose}\nspec: {hostNetwork: true, containers: [{name: x, image: x}]}\n",
			only:     "a",
			options:  Options{PodSecurity: "ns.yaml"},
			want:     "would keep Pod loose out",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := sealedFile(t, "in.yaml", c.manifest)
			var chosen []Container
			for _, x := range in.Containers {
				if c.only == "" || x.Name == c.only {
					x.Outcome = Outcome{Target: x.Outcome.Target}
					chosen = append(chosen, x)
				}
			}
			in.Containers = chosen
			if c.options.Format == "" {
				c.options.Format = config.FormatYAML
			}
			notes, err := c.options.Rehearse([]Input{in}, c.allow)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if got := strings.Join(notes, "\n"); (got == "") != (c.note == "") || !strings.Contains(got, c.note) {
				t.Errorf("notes %q, want %q", got, c.note)
			}
		})
	}
}

// bomb returns a mapping of 9 keys, each with 9 aliases of the key before.
func bomb(indent string) string {
	var b strings.Builder
	b.WriteString(indent + "a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := '1'; i <= '9'; i++ {
		before := "*a" + string(i-1)
		b.WriteString(indent + "a" + string(i) + ": &a" + string(i) + " [" + strings.Repeat(before+", ", 8) + before + "]\n")
	}
	return b.String()
}

func TestRehearseImage(t *testing.T) {
	for _, format := range []string{"yaml", "helm-values", "compose", "docker"} {
		in := Input{Containers: []Container{{Outcome: Outcome{Target: provedOutcome("registry.example/web:1").Target}}}}
		if notes, err := (Options{Format: format}).Rehearse([]Input{in}, nil); err != nil || len(notes) > 0 {
			t.Errorf("%s: %v, %v", format, notes, err)
		}
	}
}
