// Package dockertest makes images and programs for tests that run on a Docker engine. It needs no engine itself.
package dockertest

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// The programs that Compile knows: testdata/app does the steps that its arguments name, and Inside is podseal's own program
// in containers.
const (
	App    = "github.com/podseal/podseal/internal/docker/dockertest/testdata/app"
	Inside = "github.com/podseal/podseal/cmd/podseal-inside"
)

// Compile returns the static Linux binary of a package.
func Compile(pkg string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "podseal-test")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "binary")
	cmd := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compiling %s: %w: %s", pkg, err, text)
	}
	return os.ReadFile(out)
}

// Missing skips a test that lacks something, except in CI, where everything has to be available.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal("in CI nothing may be missing: " + what)
	}
	t.Skip("SKIPPED: " + what)
}

// File is one file or directory of a test image.
type File struct {
	Name     string // ends in "/" for a directory
	Mode     int64
	UID, GID int
	Data     []byte
	Link     string
	Caps     string // value of the attribute security.capability
}

// Image describes a test image, which is built from nothing.
type Image struct {
	Ref          string
	Architecture string
	Files        []File
	Change       func(*v1.Config) // nil changes nothing
}

// Archive returns the image as docker save would write it. Its entrypoint is /app unless Change sets another.
func (i Image) Archive() ([]byte, error) {
	files, err := i.layer()
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(files)), nil })
	if err != nil {
		return nil, err
	}
	img, err := mutate.Append(empty.Image, mutate.Addendum{Layer: layer, History: v1.History{CreatedBy: "test"}})
	if err != nil {
		return nil, err
	}
	cf, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	cf = cf.DeepCopy()
	cf.OS, cf.Architecture = "linux", i.Architecture
	cf.Config.Entrypoint = []string{"/app"}
	// A separate id: parallel tests must not remove each other's image.
	cf.Config.Labels = map[string]string{"podseal-test": i.Ref}
	if i.Change != nil {
		i.Change(&cf.Config)
	}
	if img, err = mutate.ConfigFile(img, cf); err != nil {
		return nil, err
	}
	tag, err := name.NewTag(i.Ref)
	if err != nil {
		return nil, err
	}
	var archive bytes.Buffer
	err = tarball.Write(tag, img, &archive)
	return archive.Bytes(), err
}

func (i Image) layer() ([]byte, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, f := range i.Files {
		h := &tar.Header{Name: f.Name, Mode: f.Mode, Uid: f.UID, Gid: f.GID, Size: int64(len(f.Data)), Typeflag: tar.TypeReg}
		switch {
		case strings.HasSuffix(f.Name, "/"):
			h.Typeflag = tar.TypeDir
		case f.Link != "":
			h.Typeflag, h.Linkname = tar.TypeSymlink, f.Link
		}
		if f.Caps != "" {
			h.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": f.Caps}
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.Data); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return buf.Bytes(), err
}
