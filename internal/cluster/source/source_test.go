package source

import (
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/image"
)

func TestParseMirror(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Mirror{
		"mirror.example.com":               {Prefix: "mirror.example.com"},
		"mirror.example.com:5000/hub/":     {Prefix: "mirror.example.com:5000/hub"},
		"docker.io=mirror.example.com/hub": {Of: "index.docker.io", Prefix: "mirror.example.com/hub"},
		"quay.io=localhost:5000":           {Of: "quay.io", Prefix: "localhost:5000"},
	} {
		if got, err := ParseMirror(text); got != want || err != nil {
			t.Errorf("%s: %+v (%v), want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "=", "mirror", "mirror/hub", "=mirror.example.com", "a b=mirror.example.com", "https://mirror.example.com", "mirror.example.com/UPPER"} {
		if got, err := ParseMirror(text); err == nil {
			t.Errorf("%q is taken as %+v", text, got)
		}
	}
}

func TestMirrorNames(t *testing.T) {
	t.Parallel()
	mirrors := Mirrors{{Of: "index.docker.io", Prefix: "m.example.com/hub"}, {Of: "quay.io", Prefix: "m.example.com"}}
	digest := "sha256:" + strings.Repeat("0", 64)
	for ref, want := range map[string]string{
		"nginx":                       "m.example.com/hub/library/nginx:latest",
		"bitnami/redis:7":             "m.example.com/hub/bitnami/redis:7",
		"docker.io/nginx@" + digest:   "m.example.com/hub/library/nginx@" + digest,
		"quay.io/a/b:1@" + digest:     "m.example.com/a/b@" + digest,
		"ghcr.io/a/b:1":               "ghcr.io/a/b:1",
		"m.example.com/hub/already:1": "m.example.com/hub/already:1",
		"not a reference":             "not a reference",
	} {
		if got := mirrors.Name(ref); got != want {
			t.Errorf("%s: %s, want %s", ref, got, want)
		}
	}
	all := Mirrors{{Prefix: "m.example.com"}}
	for ref, want := range map[string]string{"ghcr.io/a/b:1": "m.example.com/a/b:1", "m.example.com/a:1": "m.example.com/a:1"} {
		if got := all.Name(ref); got != want {
			t.Errorf("%s: %s, want %s", ref, got, want)
		}
	}
}

// push gives a registry a random image.
func push(t *testing.T, ref string) {
	t.Helper()
	to, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	img, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(to, img); err != nil {
		t.Fatal(err)
	}
}

// newRegistry returns the host of an empty registry.
func newRegistry(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// TestMirror: facts and files are read from the mirror, the facts name the user's registry, and the pod pulls from the mirror
// by the digest that was read.
func TestMirror(t *testing.T) {
	t.Parallel()
	host := newRegistry(t)
	push(t, host+"/hub/team/app:1")
	mirrors := Mirrors{{Of: "registry.invalid", Prefix: host + "/hub"}}
	s := Registry(mirrors)
	defer s.Close()
	const ref = "registry.invalid/team/app:1"
	facts, err := s.Image(t.Context(), ref, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, pinned, _ := strings.Cut(facts.Digest, "@"); facts.Ref != ref || facts.Digest != "registry.invalid/team/app@"+pinned || pinned == "" {
		t.Errorf("the facts name %s, %s", facts.Ref, facts.Digest)
	}
	tree, err := s.Tree(t.Context(), facts)
	if err != nil {
		t.Fatal(err)
	}
	if list, _, err := tree.List(t.Context(), "/", 10); err != nil || len(list) == 0 {
		t.Errorf("the mirror has the files %v (%v)", list, err)
	}
	_ = tree.Close(t.Context())
	spec := corev1.PodSpec{
		InitContainers: []corev1.Container{{Image: "registry.invalid/tools:1"}}, Containers: []corev1.Container{{Image: facts.Digest}, {Image: "other.invalid/a:1"}},
		Volumes: []corev1.Volume{{}, {VolumeSource: corev1.VolumeSource{Image: &corev1.ImageVolumeSource{Reference: facts.Digest}}}},
	}
	mirrors.Rename(&spec)
	var names []string
	for _, c := range append(spec.InitContainers, spec.Containers...) {
		names = append(names, c.Image)
	}
	for _, v := range spec.Volumes {
		if v.Image != nil {
			names = append(names, v.Image.Reference)
		}
	}
	_, pinned, _ := strings.Cut(facts.Digest, "@")
	want := fmt.Sprint([]string{host + "/hub/tools:1", host + "/hub/team/app@" + pinned, "other.invalid/a:1", host + "/hub/team/app@" + pinned})
	if fmt.Sprint(names) != want {
		t.Errorf("the pod has the images %v, want %s", names, want)
	}
}

// TestSourcesStayFew: a run of many images has few of them open, and opens one again by its digest where it needs it.
func TestSourcesStayFew(t *testing.T) {
	t.Parallel()
	host := newRegistry(t)
	s := Registry(nil)
	defer s.Close()
	var all sync.WaitGroup
	found := make([]image.Facts, 3*maxIdle)
	for i := range found {
		ref := fmt.Sprintf("%s/app-%d:1", host, i)
		push(t, ref)
		for range 2 {
			all.Go(func() {
				facts, err := s.Image(t.Context(), ref, "")
				if err != nil {
					t.Error(err)
				}
				s.mu.Lock()
				defer s.mu.Unlock()
				found[i] = facts
			})
		}
	}
	all.Wait()
	if n := len(s.opened); n > maxIdle || len(s.idle) != n {
		t.Errorf("%d images are open, %d of them in no use", n, len(s.idle))
	}
	for i, facts := range found {
		push(t, fmt.Sprintf("%s/app-%d:1", host, i)) // the tag moves on
		tree, err := s.Tree(t.Context(), facts)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := tree.List(t.Context(), "/", 10); err != nil {
			t.Error(err)
		}
		_ = tree.Close(t.Context())
		_ = tree.Close(t.Context())
	}
	if n := len(s.opened); n > maxIdle {
		t.Errorf("%d images are open", n)
	}
}

// TestArchives: of several files the reference chooses the image; a single image serves every reference.
func TestArchives(t *testing.T) {
	t.Parallel()
	var files []string
	for _, ref := range []string{"a:1", "b:1"} {
		img, err := random.Image(64, 1)
		if err != nil {
			t.Fatal(err)
		}
		tag, err := name.NewTag(ref)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, filepath.Join(t.TempDir(), "image.tar"))
		if err := tarball.WriteToFile(files[len(files)-1], tag, img); err != nil {
			t.Fatal(err)
		}
	}
	both, one := Archives(files), Archives(files[:1])
	defer both.Close()
	defer one.Close()
	a, errA := both.Image(t.Context(), "a:1", "")
	b, errB := both.Image(t.Context(), "b:1", "")
	other, err := one.Image(t.Context(), "other:1", "")
	if errA != nil || errB != nil || err != nil || a.ID == b.ID || other.ID != a.ID || other.Ref != "other:1" {
		t.Errorf("%s (%v), %s (%v), %s %s (%v)", a.ID, errA, b.ID, errB, other.Ref, other.ID, err)
	}
	if _, err := both.Image(t.Context(), "c:1", ""); err == nil {
		t.Error("an image that is in no file")
	}
}
