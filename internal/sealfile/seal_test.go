package sealfile_test

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/engine/enginetest"
	"github.com/podseal/podseal/internal/golden"
	"github.com/podseal/podseal/internal/golden/schematest"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/sealfile"
	"github.com/podseal/podseal/internal/target"
)

// someSeal has a value in every field.
func someSeal() sealfile.Seal {
	group := int64(2000)
	return sealfile.Seal{
		Version: sealfile.Version, Target: "web", Object: "Deployment web", Container: "nginx", Verdict: "sealed with exceptions",
		Image: sealfile.Image{Reference: "nginx:1.29", Digest: "sha256:ab", ID: "sha256:cd", Platform: "linux/amd64"},
		Commands: sealfile.Commands{Hash: "sha256:ef", List: []sealfile.Command{
			{Command: "./e2e.sh", Suite: "smoke", File: &sealfile.File{Path: "e2e.sh", Hash: "sha256:01"}}, {Command: "true", Inside: true},
		}},
		Profile: profile.Profile{
			User: profile.User{UID: 101, GID: 101, Groups: []int64{5}}, WorkingDir: "/srv", Env: map[string]string{"HOME": "/tmp", "A": "yes"},
			LowPorts: true, Ping: true, AddCapabilities: []string{"CHOWN"}, FSGroup: 101, Seeding: profile.Seeding{Image: "busybox", ImageVolume: true},
			WritableRoot: true, AllowPrivilegeEscalation: true,
			Mounts: []profile.Mount{
				{Path: "/run", Kind: profile.Plain, Medium: profile.Memory, SizeLimit: 1 << 20},
				{Path: "/srv", Kind: profile.Seeded, Volume: true, Rewritable: true, Partial: true, Private: true},
			},
		},
		Ports: []int{80, 443}, Traced: true, Restart: "commands",
		Manifest: sealfile.Manifest{
			Command: []string{"nginx"}, Args: []string{"-g", "daemon off;"}, WorkingDir: "/", Seccomp: "profiles/web.json",
			Volumes: []sealfile.Volume{{Path: "/etc/nginx", Kind: "configMap", ReadOnly: true}, {Path: "/x", Kind: "emptyDir", SubPath: "d", Medium: "Memory", SizeLimit: "1024"}},
			Pod: sealfile.Pod{
				HostNetwork: true, HostPID: true, HostIPC: true, ShareProcess: true, Groups: []int64{7}, FSGroup: &group,
				Sysctls: map[string]string{"net.core.somaxconn": "1024"},
			},
		},
		Fields:       []sealfile.Field{{Field: "runAsUser", Why: "no: a \"quoted\" 'text' # and more", Proof: "without it: exited 1"}},
		Exceptions:   []sealfile.Exception{{Setting: "readOnlyRootFilesystem", Why: "it failed", Fix: "a build", Reason: "until then", Expires: "2026-12-31"}},
		Needs:        []sealfile.Need{{Relaxation: "mount /run", Suite: "smoke", Proved: "web.seal.yaml"}},
		Writes:       []sealfile.Write{{Path: "/run", Decision: "mount", By: []string{"nginx (uid 101)"}}},
		Denied:       []sealfile.Denial{{Path: "/etc/x", Errno: "EROFS", By: []string{"sed (uid 101)"}, Swallowed: true}},
		Losses:       []sealfile.Loss{{Kind: "log", What: "error: 0", Detail: "logged by the sealed run alone"}},
		NotExercised: []string{"whatever the e2e commands do not reach"},
		Merged:       []sealfile.Merged{{File: "web.seal.yaml", Commands: "sha256:23"}},
		Run:          sealfile.Run{ID: "r4x7", Date: "2026-01-31T12:00:00Z", Seconds: 12.5, Podseal: "v1.0.0", Engine: "Docker 28.5.2", Kubernetes: "1.36"},
	}
}

// TestEveryFieldIsKept writes and reads a seal with a value in every field.
func TestEveryFieldIsKept(t *testing.T) {
	a := someSeal()
	b := a
	b.Container, b.Manifest, b.Exceptions = "proxy", sealfile.Manifest{}, nil
	text := encoded(t, a, b)
	got, err := sealfile.Parse("x.seal.yaml", text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if len(got) != 2 || got[1].Line < 10 {
		t.Fatalf("%d seals, the second on line %d", len(got), got[len(got)-1].Line)
	}
	if d := cmp.Diff([]sealfile.Seal{a, b}, []sealfile.Seal{got[0].Seal, got[1].Seal}); d != "" {
		t.Errorf("-written +read:\n%s", d)
	}
	golden.File(t, "testdata/every-field.seal.yaml", text)
}

// TestRefused holds sources that are no seal files, and what is said of them. "SEAL" is a whole seal; "s/A/B/" edits it.
func TestRefused(t *testing.T) {
	whole := string(encoded(t, someSeal()))
	golden.Run(t, "testdata/refused.txtar", func(_ *testing.T, a *txtar.Archive) (out []txtar.File) {
		for _, f := range a.Files {
			if strings.HasPrefix(f.Name, "want") {
				continue
			}
			source := string(f.Data)
			if edit, ok := strings.CutPrefix(source, "s\n"); ok {
				old, now, _ := strings.Cut(edit, "=>\n")
				source = strings.Replace(whole, strings.TrimSuffix(old, "\n"), strings.TrimSuffix(now, "\n"), 1)
			}
			said := "accepted\n"
			if _, err := sealfile.Parse("x.seal.yaml", []byte(source)); err != nil {
				said = err.Error() + "\n"
			}
			out = append(out, txtar.File{Name: "want " + f.Name, Data: []byte(said)})
		}
		return out
	})
}

// FuzzParse makes sure that a seal that can be read is written and read again as the same.
func FuzzParse(f *testing.F) {
	text, err := sealfile.Encode(someSeal())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("version: podseal.seal/v1\nimage: &a {}\nverdict: *a\n"))
	f.Fuzz(func(t *testing.T, source []byte) {
		entries, err := sealfile.Parse("x", source)
		if err != nil {
			return
		}
		for _, e := range entries {
			text, err := sealfile.Encode(e.Seal)
			if err != nil {
				t.Fatal(err)
			}
			again, err := sealfile.Parse("x", text)
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			if second := encoded(t, again[0].Seal); !bytes.Equal(text, second) {
				t.Errorf("first:\n%s\nthen:\n%s", text, second)
			}
		}
	})
}

// sealed seals an application of package seal's goldens under the fake engine.
func sealed(t *testing.T, name string, traced bool, parallel int, change func(*target.Target, *seal.Options)) seal.Result {
	t.Helper()
	a, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	e, c, err := enginetest.Parse(a)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Options) > 0 {
		t.Skip("the case has options")
	}
	e.Traced = traced
	tgt := target.Target{Image: "app", Ready: target.Ready{Timeout: time.Minute}, Commands: []target.Command{target.Shell("e2e", true)}}
	opts := seal.Options{Minimize: seal.MinimizeFull, Parallel: parallel, RunID: strings.Repeat("q4", parallel)}
	if change != nil {
		change(&tgt, &opts)
	}
	var res seal.Result
	synctest.Test(t, func(t *testing.T) {
		if res, err = seal.Run(context.Background(), e, tgt, opts); err != nil {
			t.Fatal(err)
		}
	})
	return res
}

// TestRunsGiveOneSeal makes sure that two runs of one image differ in nothing but the value of run, also if one of them makes
// its trials in parallel, and that each seal keeps the schema.
func TestRunsGiveOneSeal(t *testing.T) {
	schema := schematest.Compile(t, schemaText(t))
	names, err := filepath.Glob("../seal/testdata/seal/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no applications", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			var texts []string
			for parallel := range 3 {
				run := sealfile.Run{ID: "r", Date: time.Unix(int64(parallel), 0).UTC().Format(time.RFC3339)}
				s, ok := sealfile.New(sealed(t, name, true, parallel+1, nil), sealfile.Options{Run: run})
				if !ok {
					texts = append(texts, "no seal")
					continue
				}
				text := encoded(t, s)
				if err := schema.Validate(schematest.YAML(t, text)); err != nil {
					t.Error(err)
				}
				if _, err := sealfile.Parse("x", text); err != nil {
					t.Error(err)
				}
				same, _, found := strings.Cut(string(text), "\n# The rest changes from run to run.\n")
				if !found {
					t.Fatalf("no mark:\n%s", text)
				}
				texts = append(texts, same)
			}
			for _, other := range texts[1:] {
				if d := cmp.Diff(texts[0], other); d != "" {
					t.Errorf("two runs differ:\n%s", d)
				}
			}
		})
	}
}

// TestNew compares the seals of some applications with goldens.
func TestNew(t *testing.T) {
	for _, name := range []string{"alternatives", "needs-writable-root", "random-name"} {
		s, ok := sealfile.New(sealed(t, "../seal/testdata/seal/"+name+".txtar", true, 1, nil), sealfile.Options{
			Accepted: []sealfile.Acceptance{{Setting: "readOnlyRootFilesystem", Reason: "until the next release", Expires: "2026-12-31"}},
			Run:      sealfile.Run{Date: "2026-01-31T12:00:00Z", Podseal: "v1.0.0"},
		})
		if !ok {
			t.Fatalf("%s has no seal", name)
		}
		golden.File(t, "testdata/"+name+".seal.yaml", encoded(t, s))
	}
}

// TestNoProofNoSeal makes sure that a result without a confirmation run gives no seal file.
func TestNoProofNoSeal(t *testing.T) {
	res := sealed(t, "../seal/testdata/seal/not-testable.txtar", true, 1, nil)
	if s, ok := sealfile.New(res, sealfile.Options{}); ok {
		t.Errorf("%+v", s)
	}
}

// TestSuites says which suite needed a mount.
func TestSuites(t *testing.T) {
	res := sealed(t, "../seal/testdata/seal/alternatives.txtar", true, 1, func(t *target.Target, _ *seal.Options) {
		t.Commands = []target.Command{{Inside: true, Argv: []string{"sh", "-c", "e2e"}, Suite: "upload"}, {Inside: true, Argv: []string{"sh", "-c", "e2e"}, Suite: "later"}}
	})
	s, ok := sealfile.New(res, sealfile.Options{})
	if want := []sealfile.Need{{Relaxation: "mount /tmp", Suite: "upload"}}; !ok || !slices.Equal(s.Needs, want) {
		t.Errorf("%+v", s.Needs)
	}
}
