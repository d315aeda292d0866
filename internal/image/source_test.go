package image_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/podseal/podseal/internal/image"
)

// h is a tar header; a body makes it a regular file.
type h struct {
	name, link, body string
	kind             byte
	mode             int64
	uid              int
	caps             string
}

func layerOf(t *testing.T, headers ...h) v1.Layer {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, x := range headers {
		hdr := &tar.Header{Name: x.name, Linkname: x.link, Typeflag: x.kind, Mode: x.mode, Uid: x.uid, Gid: x.uid}
		if x.kind == 0 {
			hdr.Typeflag, hdr.Size = tar.TypeReg, int64(len(x.body))
			if strings.HasSuffix(x.name, "/") {
				hdr.Typeflag = tar.TypeDir
			}
		}
		if hdr.Mode == 0 {
			hdr.Mode = 0o755
		}
		if x.caps != "" {
			hdr.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": x.caps}
		}
		if err := w.WriteHeader(hdr); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, x.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(buf.Bytes())), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func imageOf(t *testing.T, config v1.Config, layers ...v1.Layer) v1.Image {
	t.Helper()
	img, err := mutate.AppendLayers(empty.Image, layers...)
	if err != nil {
		t.Fatal(err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.Config, file.OS, file.Architecture = config, "linux", runtime.GOARCH
	if img, err = mutate.ConfigFile(img, file); err != nil {
		t.Fatal(err)
	}
	return img
}

func serve(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func push(t *testing.T, ref string, img v1.Image) {
	t.Helper()
	parsed, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(parsed, img); err != nil {
		t.Fatal(err)
	}
}

func size(t *testing.T, what func() ([]byte, error)) int64 {
	t.Helper()
	data, err := what()
	if err != nil {
		t.Fatal(err)
	}
	return int64(len(data))
}

// noise is content that does not compress, so that a layer's size says whether it was read.
func noise(n int) string {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return string(b)
}

func TestRemoteReadsLayersFromTheTopOnlyAsFarAsNeeded(t *testing.T) {
	ctx := context.Background()
	bottom := layerOf(t, h{name: "usr/"}, h{name: "usr/lib.so", body: noise(300_000)})
	middle := layerOf(t, h{name: "etc/"}, h{name: "etc/passwd", body: "app:x:7:8::/:\n"}, h{name: "etc/x", body: noise(90_000)})
	top := layerOf(t, h{name: "etc/"}, h{name: "app", body: noise(50_000)})
	img := imageOf(t, v1.Config{User: "app"}, bottom, middle, top)
	ref := serve(t) + "/some/app:1"
	push(t, ref, img)

	s, err := image.OpenRemote(ctx, ref, "")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	meta := size(t, img.RawManifest) + size(t, img.RawConfigFile)
	if s.BytesRead() != meta {
		t.Errorf("opening read %d bytes, want manifest and config only: %d", s.BytesRead(), meta)
	}
	users, err := image.ReadUsers(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := users.Resolve("app"); err != nil || r.UID != 7 || r.GID != 8 {
		t.Errorf("Resolve(app) = %+v, %v", r, err)
	}
	// etc/group is in no layer, so ReadUsers had to read them all; a second tree asks for passwd alone.
	if read, all := s.LayersRead(); read != 3 || all != 3 {
		t.Errorf("read %d of %d layers for passwd and group", read, all)
	}
	s2, err := image.OpenRemote(ctx, ref, "")
	if err != nil {
		t.Fatal(err)
	}
	defer s2.Close()
	if _, err := s2.ReadFile(ctx, "/etc/passwd"); err != nil {
		t.Fatal(err)
	}
	want := meta
	for _, l := range []v1.Layer{top, middle} {
		n, err := l.Size()
		if err != nil {
			t.Fatal(err)
		}
		want += n
	}
	if s2.BytesRead() != want {
		t.Errorf("reading passwd took %d bytes, want %d: those of the two upper layers", s2.BytesRead(), want)
	}
	if s.Facts.Digest == "" || !strings.Contains(s.Facts.Digest, "/some/app@sha256:") || s.Facts.Config.Config.User != "app" {
		t.Errorf("facts %+v", s.Facts)
	}
}

func TestLayersHideLinkAndReplace(t *testing.T) {
	big := noise(200_000) // larger than what is kept
	img := imageOf(t, v1.Config{},
		layerOf(t,
			h{name: "bin", kind: tar.TypeSymlink, link: "usr/bin"},
			h{name: "usr/bin/sh", body: "sh"},
			h{name: "usr/bin/su", body: "su", mode: 0o4755},
			h{name: "gone/deep/file", body: "1"},
			h{name: "opaque/"}, h{name: "opaque/old", body: "2"},
			h{name: "was-dir/child", body: "3"},
			h{name: "kept/low", body: "4", uid: 5},
			h{name: "dup", body: "first"},
		),
		layerOf(t,
			h{name: ".wh.gone"},
			h{name: "opaque/", mode: 0o700, uid: 9}, h{name: "opaque/.wh..wh..opq"}, h{name: "opaque/new", body: "5"},
			h{name: "was-dir", body: "now a file"},
			h{name: "usr/bin/ping", body: "ping", caps: "\x01\x00"},
			h{name: "hard", kind: tar.TypeLink, link: "usr/bin/ping"},
			h{name: "far", kind: tar.TypeLink, link: "kept/low"},
			h{name: "big", body: big}, h{name: "big2", kind: tar.TypeLink, link: "big"},
			h{name: "dup", body: "second"},
		),
		layerOf(t, h{name: "gone/again", body: "6"}, h{name: "./dev/null", kind: tar.TypeChar}, h{name: "../../escape", body: "7"}),
	)
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	tree, err := image.NewLayerTree(layers)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	ctx := context.Background()
	all, more, err := tree.List(ctx, "/", 1000)
	if err != nil || more {
		t.Fatal(err, more)
	}
	var lines []string
	for _, e := range all {
		lines = append(lines, fmt.Sprintf("%s %s %v %d %d %s%q", e.Path, e.Kind, e.Mode, e.UID, e.Size, e.Link, e.Caps))
		one, ok, err := tree.Lookup(ctx, e.Path)
		if err != nil || !ok || one != e {
			t.Errorf("Lookup(%s) = %+v, %v, %v; List says %+v", e.Path, one, ok, err, e)
		}
	}
	want := strings.TrimSpace(`
/big file -rwxr-xr-x 0 200000 ""
/big2 file -rwxr-xr-x 0 200000 ""
/bin symlink -rwxr-xr-x 0 0 usr/bin""
/dev dir -rwxr-xr-x 0 0 ""
/dev/null other -rwxr-xr-x 0 0 ""
/dup file -rwxr-xr-x 0 6 ""
/escape file -rwxr-xr-x 0 1 ""
/far file -rwxr-xr-x 5 1 ""
/gone dir -rwxr-xr-x 0 0 ""
/gone/again file -rwxr-xr-x 0 1 ""
/hard file -rwxr-xr-x 0 4 "\x01\x00"
/kept dir -rwxr-xr-x 0 0 ""
/kept/low file -rwxr-xr-x 5 1 ""
/opaque dir -rwx------ 9 0 ""
/opaque/new file -rwxr-xr-x 0 1 ""
/usr dir -rwxr-xr-x 0 0 ""
/usr/bin dir -rwxr-xr-x 0 0 ""
/usr/bin/ping file -rwxr-xr-x 0 4 "\x01\x00"
/usr/bin/sh file -rwxr-xr-x 0 2 ""
/usr/bin/su file urwxr-xr-x 0 2 ""
/was-dir file -rwxr-xr-x 0 10 ""`)
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for p, want := range map[string]string{
		"/bin/sh": "sh", "/hard": "ping", "/far": "4", "/big": big, "/big2": big, "/dup": "second", "/gone/again": "6",
	} {
		if data, err := tree.ReadFile(ctx, p); err != nil || string(data) != want {
			t.Errorf("ReadFile(%s): %d bytes, %v, want %d", p, len(data), err, len(want))
		}
	}
	for _, p := range []string{"/gone/deep/file", "/opaque/old", "/was-dir/child", "/usr", "/none"} {
		if _, err := tree.ReadFile(ctx, p); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("ReadFile(%s): %v, want fs.ErrNotExist", p, err)
		}
	}
	if some, more, err := tree.List(ctx, "/usr/bin", 2); err != nil || !more || len(some) != 2 {
		t.Errorf("List with a limit: %v, %v, %v", some, more, err)
	}
	if none, _, err := tree.List(ctx, "/bin", 10); err != nil || len(none) != 0 {
		t.Errorf("List of a link: %v, %v", none, err)
	}
}

func TestOpaqueFolderEndsTheReading(t *testing.T) {
	img := imageOf(t, v1.Config{}, layerOf(t, h{name: "etc/passwd", body: "x"}),
		layerOf(t, h{name: "etc/"}, h{name: "etc/.wh..wh..opq"}, h{name: "etc/hosts", body: "h"}))
	layers, _ := img.Layers()
	tree, err := image.NewLayerTree(layers)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	if _, ok, err := tree.Lookup(context.Background(), "/etc/passwd"); ok || err != nil {
		t.Errorf("Lookup below an opaque folder: %v, %v", ok, err)
	}
	if entries, _, err := tree.List(context.Background(), "/etc", 10); err != nil || len(entries) != 1 {
		t.Errorf("List of an opaque folder: %v, %v", entries, err)
	}
	if read, _ := tree.LayersRead(); read != 1 {
		t.Errorf("read %d layers, want the top one", read)
	}
}

func indexOf(t *testing.T) (v1.ImageIndex, map[string]v1.Image) {
	t.Helper()
	images := map[string]v1.Image{}
	var index v1.ImageIndex = empty.Index
	for _, arch := range []string{"amd64", "arm64"} {
		img := imageOf(t, v1.Config{User: arch}, layerOf(t, h{name: arch, body: arch}))
		file, _ := img.ConfigFile()
		file = file.DeepCopy()
		file.Architecture = arch
		img, _ = mutate.ConfigFile(img, file)
		images[arch] = img
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	return mutate.AppendManifests(index, attestation(t, images["arm64"])), images
}

func attestation(t *testing.T, of v1.Image) mutate.IndexAddendum {
	t.Helper()
	text := `{"predicate":{"materials":[{"uri":"pkg:docker/debian@bookworm?platform=linux%2Famd64","digest":{"sha256":"abc"}},` +
		`{"uri":"https://github.com/x/y"}],"buildDefinition":{"resolvedDependencies":[{"uri":"pkg:docker/ghcr.io/a/b@1"}]}}}`
	img, err := mutate.Append(empty.Image, mutate.Addendum{
		Layer:       static.NewLayer([]byte(text), "application/vnd.in-toto+json"),
		Annotations: map[string]string{"in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2"},
	})
	if err != nil {
		t.Fatal(err)
	}
	digest, _ := of.Digest()
	return mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{
		MediaType: types.OCIManifestSchema1,
		Platform:  &v1.Platform{OS: "unknown", Architecture: "unknown"},
		Annotations: map[string]string{
			"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": digest.String(),
		},
	}}
}

func TestPlatformsAndProvenance(t *testing.T) {
	ctx := context.Background()
	index, images := indexOf(t)
	ref := serve(t) + "/multi:1"
	parsed, _ := name.ParseReference(ref)
	if err := remote.WriteIndex(parsed, index); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "layout")
	if _, err := layout.Write(dir, index); err != nil {
		t.Fatal(err)
	}
	open := map[string]func(string) (*image.Source, error){
		"registry": func(p string) (*image.Source, error) { return image.OpenRemote(ctx, ref, p) },
		"layout":   func(p string) (*image.Source, error) { return image.OpenLayout(dir, p) },
	}
	for where, open := range open {
		s, err := open("linux/arm64")
		if err != nil {
			t.Fatal(where, err)
		}
		if s.Facts.Config.Config.User != "arm64" || s.Facts.Platform != "linux/arm64" {
			t.Errorf("%s: facts %+v", where, s.Facts)
		}
		if data, err := s.ReadFile(ctx, "/arm64"); err != nil || string(data) != "arm64" {
			t.Errorf("%s: ReadFile = %q, %v", where, data, err)
		}
		want := []image.Material{{Ref: "debian:bookworm", Digest: "sha256:abc"}, {Ref: "ghcr.io/a/b:1"}}
		if got, err := s.Facts.Materials(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: Materials = %v, %v", where, got, err)
		}
		s.Close()
		if _, err := open("linux/s390x"); err == nil || !strings.Contains(err.Error(), "linux/amd64, linux/arm64") {
			t.Errorf("%s: another platform: %v", where, err)
		}
		if _, err := open("a/b/c/d/e"); err == nil {
			t.Errorf("%s: a broken platform gave no error", where)
		}
	}
	s, err := image.OpenRemote(ctx, ref, "linux/amd64")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want := size(t, index.RawManifest) + size(t, images["amd64"].RawManifest) + size(t, images["amd64"].RawConfigFile)
	if s.BytesRead() != want {
		t.Errorf("opening a multi-platform image read %d bytes, want %d", s.BytesRead(), want)
	}
	if m, err := s.Facts.Materials(); err != nil || len(m) != 0 {
		t.Errorf("amd64 has no provenance, got %v, %v", m, err)
	}
}

func TestTarball(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "image.tar")
	img := imageOf(t, v1.Config{User: "1"}, layerOf(t, h{name: "etc/hosts", body: "h"}))
	tag, _ := name.NewTag("app:1")
	if err := tarball.WriteToFile(path, tag, img); err != nil {
		t.Fatal(err)
	}
	s, err := image.OpenTarball(path, "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if data, err := s.ReadFile(ctx, "/etc/hosts"); err != nil || string(data) != "h" || s.Facts.Config.Config.User != "1" {
		t.Errorf("%q, %v, %+v", data, err, s.Facts)
	}
	if s.BytesRead() == 0 {
		t.Error("no bytes counted")
	}
	for platform, ok := range map[string]bool{"linux/" + runtime.GOARCH: true, "linux/s390x": false, "a/b/c/d/e": false} {
		s, err := image.OpenTarball(path, "app:1", platform)
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), platform) {
			t.Errorf("platform %s: %v", platform, err)
		}
		if err == nil {
			_ = s.Close()
		}
	}
	if _, err := image.OpenTarball(path, "other:2", ""); err == nil {
		t.Error("a tag that the file does not have gave no error")
	}
}

func TestMissingImages(t *testing.T) {
	ctx := context.Background()
	if _, err := image.OpenRemote(ctx, serve(t)+"/none:1", ""); err == nil || !strings.Contains(err.Error(), "/none:1") {
		t.Errorf("OpenRemote of nothing: %v", err)
	}
	if _, err := image.OpenRemote(ctx, "UPPER CASE", ""); err == nil {
		t.Error("a broken reference gave no error")
	}
	if _, err := image.OpenTarball(filepath.Join(t.TempDir(), "none.tar"), "", ""); err == nil {
		t.Error("a missing file gave no error")
	}
	if _, err := image.OpenLayout(t.TempDir(), ""); err == nil {
		t.Error("an empty folder gave no error")
	}
}
