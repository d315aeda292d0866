package docker

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/containerd/errdefs"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/podseal/podseal/internal/image"
)

// HelperImage is an image from scratch with one program, which is loaded into the engine instead of being pulled. GC
// removes it when it is unused.
type HelperImage struct {
	Ref          string
	Architecture string
	Path         string // of the program, which is the entrypoint
	Program      []byte
	Writable     []string // empty directories of mode 0777, with parents before what is in them
}

// EnsureHelper returns the facts of a helper image, and loads it into the engine where the engine lacks it.
func (c imageStore) EnsureHelper(ctx context.Context, h HelperImage) (image.Facts, error) {
	if facts, ok, err := c.FindHelper(ctx, h); ok || err != nil {
		return facts, err
	}
	if err := c.loadHelper(ctx, h); err != nil {
		return image.Facts{}, err
	}
	found, ok, err := c.FindHelper(ctx, h)
	if err == nil && !ok {
		err = fmt.Errorf("the engine has taken image %s and does not have it", h.Ref)
	}
	return found, err
}

// FindHelper returns the facts of a helper image if the engine has it.
func (c imageStore) FindHelper(ctx context.Context, h HelperImage) (found image.Facts, ok bool, err error) {
	answer, err := c.api.ImageInspect(ctx, h.Ref)
	switch {
	case errdefs.IsNotFound(err):
		return image.Facts{}, false, nil
	case err != nil:
		return image.Facts{}, false, c.failure(ctx, "inspecting", "image "+h.Ref, err)
	}
	return facts(h.Ref, answer, nil), true, nil
}

func (c imageStore) loadHelper(ctx context.Context, h HelperImage) error {
	making, cancel := creationContext(ctx)
	defer cancel()
	tag, err := name.NewTag(h.Ref)
	if err != nil {
		return err
	}
	img, err := h.build()
	if err != nil {
		return fmt.Errorf("making image %s: %w", h.Ref, err)
	}
	read, write := io.Pipe()
	defer read.Close()
	go func() { write.CloseWithError(tarball.Write(tag, img, write)) }()
	if err := c.Load(making, read); err != nil {
		return c.creationFailure(ctx, making, "image "+h.Ref, err)
	}
	return nil
}

// Load loads the images of an archive of docker save into the engine.
func (c imageStore) Load(ctx context.Context, archive io.Reader) error {
	answer, err := c.api.ImageLoad(ctx, archive)
	if err != nil {
		return c.failure(ctx, "loading", "an image", err)
	}
	defer answer.Body.Close()
	for dec := json.NewDecoder(answer.Body); ; {
		var msg struct{ Error string }
		if err := dec.Decode(&msg); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return c.failure(ctx, "loading", "an image", err)
		}
		if msg.Error != "" {
			return errors.New("loading an image: " + msg.Error)
		}
	}
}

// build makes the image.
func (h HelperImage) build() (v1.Image, error) {
	files, err := h.layer()
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(files)), nil
	}, tarball.WithCompressionLevel(gzip.BestSpeed))
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	cf, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	cf = cf.DeepCopy()
	cf.OS, cf.Architecture = "linux", h.Architecture
	cf.Config.Entrypoint = []string{h.Path}
	cf.Config.Labels = map[string]string{labelRun: helperRun}
	return mutate.ConfigFile(img, cf)
}

// layer returns a tar stream of the program in its directory, and of the other directories.
func (h HelperImage) layer() ([]byte, error) {
	var files bytes.Buffer
	w := tar.NewWriter(&files)
	err := w.WriteHeader(&tar.Header{Name: path.Dir(h.Path)[1:] + "/", Mode: 0o755, Typeflag: tar.TypeDir})
	if err == nil {
		err = w.WriteHeader(&tar.Header{Name: h.Path[1:], Mode: 0o755, Size: int64(len(h.Program)), Typeflag: tar.TypeReg})
	}
	if err == nil {
		_, err = w.Write(h.Program)
	}
	for _, dir := range h.Writable {
		err = cmp.Or(err, w.WriteHeader(&tar.Header{Name: dir[1:] + "/", Mode: 0o777, Typeflag: tar.TypeDir}))
	}
	if err == nil {
		err = w.Close()
	}
	return files.Bytes(), err
}
