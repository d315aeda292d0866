package batch

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/config"
	"github.com/podseal/podseal/internal/deliver"
	"github.com/podseal/podseal/internal/engine/enginetest"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/input"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/target"
)

// application writes a file that the image ships.
const application = `
-- image --
f 0755 0:0 /bin/sh
d 0755 1000:1000 /app/data
f 0644 1000:1000 /app/data/store.json
-- config --
user 1000
workdir /app
-- app --
e2e write data/store.json fails
`

// fakeEngine has the images of one application under every name but "gone", and one network. The image "empty" has no command.
type fakeEngine struct {
	*enginetest.Engine
	volume string // that every image declares
}

var errNoImage = errors.New("no such image")

func (e *fakeEngine) Image(ctx context.Context, ref, platform string) (image.Facts, error) {
	facts, err := e.Engine.Image(ctx, ref, platform)
	if ref == "gone" {
		err = errNoImage
	}
	config := *facts.Config
	if config.Config.Entrypoint = []string{"app"}; ref == "empty" {
		config.Config.Entrypoint = nil
	}
	if e.volume != "" {
		config.Config.Volumes = map[string]struct{}{e.volume: {}}
	}
	facts.Config = &config
	return facts, err
}

func (e *fakeEngine) CheckNetwork(_ context.Context, name string) error {
	if name != "" && name != "net" {
		return &InputError{"no network " + name}
	}
	return nil
}

func newEngine(t *testing.T) *fakeEngine {
	t.Helper()
	e, _, err := enginetest.Parse(txtar.Parse([]byte(application)))
	if err != nil {
		t.Fatal(err)
	}
	e.Traced = true
	return &fakeEngine{Engine: e}
}

func manifestJob(t *testing.T, flags target.Target, text string) Job {
	t.Helper()
	name := filepath.Join(t.TempDir(), "in.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := input.Read(t.Context(), input.Options{Files: []string{name}}, flags)
	if err != nil {
		t.Fatal(err)
	}
	return Job{Target: flags, Files: set.Files}
}

const twoContainers = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - {name: a, image: app}\n  - {name: b, image: gone}\n"

func TestPreflight(t *testing.T) {
	for _, c := range []struct {
		name   string
		target target.Target
		file   string
		volume string
		want   string // empty: no error
		input  bool   // the error is of the input
	}{
		{name: "fine", target: target.Target{Image: "app", User: "1000:1000", Network: "net"}},
		{name: "network", target: target.Target{Image: "app", Network: "other"}, want: "no network other", input: true},
		{name: "user", target: target.Target{Image: "app", User: "nosuch"}, want: `image app: --user nosuch: no such user in the image's /etc/passwd`, input: true},
		{name: "group", target: target.Target{Image: "app", User: "0:nosuch"}, want: `image app: --user 0:nosuch: `, input: true},
		{name: "command", target: target.Target{Image: "empty"}, want: "image empty: nothing to run", input: true},
		{name: "command taken away", target: target.Target{Image: "app", Entrypoint: []string{}}, want: "image app: nothing to run", input: true},
		{name: "command given", target: target.Target{Image: "empty", Args: []string{"app"}}},
		{name: "volume", target: target.Target{Image: "app"}, volume: "/a:b", want: "image app: it declares VOLUME", input: true},
		{name: "readiness", target: target.Target{Image: "app", Ready: target.Ready{HTTP: "/"}}, want: "image app: --ready-http / has no port to ask", input: true},
		{name: "readiness with a port", target: target.Target{Image: "app", Ready: target.Ready{HTTP: "/"}, Ports: []int{80}}},
		{name: "image", target: target.Target{Image: "gone"}, want: errNoImage.Error()},
		{name: "image of the second container", file: twoContainers, want: errNoImage.Error()},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newEngine(t)
			e.volume = c.volume
			j := Job{Target: c.target}
			if c.file != "" {
				j = manifestJob(t, c.target, c.file)
			}
			err := j.Preflight(t.Context(), e)
			bad := new(InputError)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) || errors.As(err, &bad) != c.input {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if e.Alive() != 0 {
				t.Errorf("%d trees are open", e.Alive())
			}
		})
	}
}

// slowEngine finds out late that it lacks the image "slow", and at once that it lacks "gone".
type slowEngine struct{ *fakeEngine }

var errSlow = errors.New("no slow image")

func (e slowEngine) Image(ctx context.Context, ref, platform string) (image.Facts, error) {
	if ref != "slow" {
		return e.fakeEngine.Image(ctx, ref, platform)
	}
	select {
	case <-time.After(time.Minute):
		return image.Facts{}, errSlow
	case <-ctx.Done():
		return image.Facts{}, ctx.Err()
	}
}

// TestPreflightAllReturnsTheFirstError: the error is that of the first item in order, also where a later one fails earlier.
func TestPreflightAllReturnsTheFirstError(t *testing.T) {
	var items []Item
	for _, image := range []string{"app", "slow", "gone"} {
		items = append(items, Item{Name: image, Job: Job{Target: target.Target{Image: image}}})
	}
	synctest.Test(t, func(t *testing.T) {
		err := PreflightAll(t.Context(), slowEngine{newEngine(t)}, items, 3)
		if !errors.Is(err, errSlow) || !strings.HasPrefix(err.Error(), "target slow: ") {
			t.Errorf("got %v", err)
		}
	})
	if err := PreflightAll(t.Context(), newEngine(t), items[:1], 3); err != nil {
		t.Error(err)
	}
}

func TestSeedOffers(t *testing.T) {
	items := []Item{{Job: Job{Target: target.Target{Image: "app"}}}}
	for _, c := range []struct {
		name, image, application string
		want                     string // empty: no error
	}{
		{name: "none", image: ""},
		{name: "with a shell", image: "tools", application: application},
		{name: "missing", image: "gone", application: application, want: "--seed-image: " + errNoImage.Error()},
		{name: "without a shell", image: "app", application: "-- image --\nf 0755 0:0 /bin/mv\n-- app --\n", want: "--seed-image: image app has no sh, rm, mkdir, cp, chmod: name one"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newEngine(t)
			if c.application != "" {
				own, _, err := enginetest.Parse(txtar.Parse([]byte(c.application)))
				if err != nil {
					t.Fatal(err)
				}
				e.Engine = own
			}
			offers, err := SeedOffers(t.Context(), e, c.image, true, items)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if offer, ok := offers[""]; ok != (c.image != "" && c.want == "") || ok && !offer.ImageVolumes {
				t.Errorf("offers %+v", offers)
			}
			if e.Alive() != 0 {
				t.Errorf("%d trees are open", e.Alive())
			}
		})
	}
}

// TestPreflightPullsMembers: the images of containers that are not sealed are needed by the first run as well.
func TestPreflightPullsMembers(t *testing.T) {
	name := filepath.Join(t.TempDir(), "in.yaml")
	if err := os.WriteFile(name, []byte(twoContainers), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := input.Read(t.Context(), input.Options{Files: []string{name}, Container: "a"}, target.Target{})
	if err != nil {
		t.Fatal(err)
	}
	if err := (Job{Files: set.Files}).Preflight(t.Context(), newEngine(t)); !errors.Is(err, errNoImage) {
		t.Errorf("got %v", err)
	}
}

func TestCheckTargets(t *testing.T) {
	const job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: app}]}}}\n"
	inside := target.Target{Commands: []target.Command{target.Shell("true", true)}}
	if err := manifestJob(t, inside, job).CheckTargets(); err == nil || !strings.Contains(err.Error(), "container a of Job j, which runs to its end") {
		t.Errorf("got %v", err)
	}
	host := target.Target{Commands: []target.Command{target.Shell("true", false)}}
	if err := manifestJob(t, host, job).CheckTargets(); err != nil {
		t.Error(err)
	}
}

// TestSealAndDeliver seals an image and a manifest with a fake engine, up to the text of the manifest.
func TestSealAndDeliver(t *testing.T) {
	flags := target.Target{Ready: target.Ready{Timeout: time.Minute}, Commands: []target.Command{target.Shell("e2e", true)}}
	alone := flags
	alone.Image = "app"
	for name, j := range map[string]Job{
		"image":    {Target: alone},
		"manifest": manifestJob(t, flags, "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - {name: a, image: app}\n"),
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t)
			var sealed []Sealed
			synctest.Test(t, func(t *testing.T) {
				var err error
				sealed, err = j.Seal(context.Background(), e, Options{
					Seal: seal.Options{Minimize: seal.MinimizeNone, Parallel: 1},
				})
				if err != nil {
					t.Fatal(err)
				}
			})
			if len(sealed) != 1 || len(sealed[0].Results) != 1 || sealed[0].Results[0].Verdict != seal.Sealed {
				t.Fatalf("got %+v", sealed)
			}
			o := deliver.Options{Format: config.FormatYAML}
			d, err := o.Prepare([]deliver.Input{sealed[0].Input})
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := d.Write(&deliver.Places{}, &out); err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"runAsUser: 1000", "readOnlyRootFilesystem: true", "mountPath: /app/data", "automountServiceAccountToken: false"} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q in\n%s", want, out.String())
				}
			}
			if strings.Contains(out.String(), "NOT PROVED") {
				t.Errorf("marked as not proved:\n%s", out.String())
			}
		})
	}
}

func TestShape(t *testing.T) {
	j := Job{Files: []*input.File{{Path: "a.yaml", Pods: make([]input.Pod, 1)}, {Path: "config.yaml"}, {}}}
	if s := j.Shape(); len(s.Files) != 1 || s.Files[0] != "a.yaml" || !s.Built {
		t.Errorf("got %+v", s)
	}
	if s := (Job{Target: target.Target{Image: "app"}}).Shape(); len(s.Files) != 0 || s.Built {
		t.Errorf("got %+v", s)
	}
}
