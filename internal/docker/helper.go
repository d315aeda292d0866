package docker

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/containerd/errdefs"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/trace"
)

// helperRepo is the name of podseal's own image: nothing but its binary, made on the spot, never pulled.
const helperRepo = "podseal/helper"

// helperBinary is the binary's path in the helper image, and in the volume that traced containers get.
const helperBinary = trace.Mountpoint + "/" + trace.BinaryName

var errSwept = errors.New("the run is over")

var errNoHelper = errors.New("this podseal has no helper binary for the engine")

// helper returns the reference of the helper image, loading it into the engine the first time.
func (e *Engine) helper(ctx context.Context) (image.Facts, error) {
	e.helperOnce.Do(func() { e.helperFacts, e.helperErr = e.loadHelper(context.WithoutCancel(ctx)) })
	return e.helperFacts, e.helperErr
}

func (e *Engine) loadHelper(ctx context.Context) (image.Facts, error) {
	ctx, cancel := context.WithTimeout(ctx, creationTime)
	defer cancel()
	if e.opts.Helper == nil {
		return image.Facts{}, errNoHelper
	}
	version, err := e.cli.ServerVersion(ctx)
	if err != nil {
		return image.Facts{}, fmt.Errorf("asking the engine for its architecture: %w", err)
	}
	binary, err := e.opts.Helper(version.Arch)
	if err != nil {
		return image.Facts{}, fmt.Errorf("getting the helper binary for %s: %w", version.Arch, err)
	}
	sum := sha256.Sum256(binary)
	ref := helperRepo + ":" + hex.EncodeToString(sum[:])[:12]
	found, err := e.cli.ImageInspect(ctx, ref)
	if errdefs.IsNotFound(err) {
		if err := e.load(ctx, ref, version.Arch, binary); err != nil {
			return image.Facts{}, fmt.Errorf("loading the helper image: %w", err)
		}
		found, err = e.cli.ImageInspect(ctx, ref)
	}
	if err != nil {
		return image.Facts{}, fmt.Errorf("inspecting the helper image: %w", err)
	}
	return facts(ref, found, nil), nil
}

// load gives the engine an image that holds the binary.
func (e *Engine) load(ctx context.Context, ref, arch string, binary []byte) error {
	tag, err := name.NewTag(ref)
	if err != nil {
		return err
	}
	img, err := helperImage(arch, binary)
	if err != nil {
		return err
	}
	read, write := io.Pipe()
	defer read.Close()
	go func() { write.CloseWithError(tarball.Write(tag, img, write)) }()
	answer, err := e.cli.ImageLoad(ctx, read)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	for dec := json.NewDecoder(answer.Body); ; {
		var msg struct{ Error string }
		if err := dec.Decode(&msg); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if msg.Error != "" {
			return errors.New(msg.Error)
		}
	}
}

// helperImage is an image from scratch with the binary as its only file.
func helperImage(arch string, binary []byte) (v1.Image, error) {
	var files bytes.Buffer
	w := tar.NewWriter(&files)
	err := w.WriteHeader(&tar.Header{Name: trace.Mountpoint[1:] + "/", Mode: 0o755, Typeflag: tar.TypeDir})
	if err == nil {
		err = w.WriteHeader(&tar.Header{Name: helperBinary[1:], Mode: 0o755, Size: int64(len(binary)), Typeflag: tar.TypeReg})
	}
	if err == nil {
		_, err = w.Write(binary)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(files.Bytes())), nil
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
	cf.OS, cf.Architecture = "linux", arch
	cf.Config.Entrypoint = []string{helperBinary}
	cf.Config.Labels = map[string]string{labelRun: "helper"}
	return mutate.ConfigFile(img, cf)
}
