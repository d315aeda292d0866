package tracehost

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/containerd/errdefs"

	"github.com/podseal/podseal/internal/docker"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/trace"
)

// helperRepo is the repository of the helper image.
const helperRepo = "podseal/helper"

// HelperProgram is the path of podseal's program in the helper image, and in the volume that traced containers mount.
const HelperProgram = trace.Mountpoint + "/" + trace.BinaryName

// VolumesRoot is the directory below which a container of the helper image has volumes. The image has the first
// WritableVolumes directories in it, "0" and so on, empty and with mode 0777: an engine gives a new volume that mode.
const (
	VolumesRoot     = "/podseal-volumes"
	WritableVolumes = 16
)

var errNoHelper = errors.New("this podseal has no helper binary for the engine")

// Helper is podseal's own image: its static Linux program and nothing else, loaded at the first need, never pulled.
type Helper struct {
	client *docker.Client
	binary func(arch string) ([]byte, error)

	mu     sync.Mutex
	loaded bool
	facts  image.Facts
	err    error
}

// NewHelper returns the helper image of a client's engine. binary returns the program for an architecture in Go's
// spelling. With nil, or when it fails, there is no helper image: its methods return the error.
func NewHelper(client *docker.Client, binary func(arch string) ([]byte, error)) *Helper {
	return &Helper{client: client, binary: binary}
}

// Facts returns the facts of the helper image, and loads it into the engine at the first call.
func (h *Helper) Facts(ctx context.Context) (image.Facts, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.loaded {
		h.facts, h.err = h.load(context.WithoutCancel(ctx))
		h.loaded = true
	}
	return h.facts, h.err
}

// Create creates a container of the helper image. An image that is gone, since GC has removed it or another program has
// pruned the engine, is loaded again.
func (h *Helper) Create(ctx context.Context, purpose string, s docker.Spec) (*docker.Container, error) {
	for last := false; ; last = true {
		facts, err := h.Facts(ctx)
		if err != nil {
			return nil, err
		}
		s.Image = facts
		box, err := h.client.Create(ctx, purpose, s)
		if last || !errdefs.IsNotFound(err) {
			return box, err
		}
		h.mu.Lock()
		h.loaded = false
		h.mu.Unlock()
	}
}

func (h *Helper) load(ctx context.Context) (image.Facts, error) {
	if h.binary == nil {
		return image.Facts{}, errNoHelper
	}
	if facts, ok := h.earlier(ctx); ok {
		return facts, nil
	}
	arch, err := h.client.Architecture(ctx)
	if err != nil {
		return image.Facts{}, err
	}
	made, err := h.image(arch)
	if err != nil {
		return image.Facts{}, err
	}
	facts, err := h.client.EnsureHelper(ctx, made)
	if err != nil {
		return facts, fmt.Errorf("loading the helper image: %w", err)
	}
	return facts, nil
}

// earlier returns the helper image that an earlier run has loaded for the architecture of this machine. Where the engine has it,
// that is the engine's architecture too. Asking the engine for it costs the engine several processes.
func (h *Helper) earlier(ctx context.Context) (image.Facts, bool) {
	made, err := h.image(runtime.GOARCH)
	if err != nil {
		return image.Facts{}, false // this machine's program is not the engine's
	}
	facts, ok, err := h.client.FindHelper(ctx, made)
	return facts, ok && err == nil
}

// image returns the helper image for an architecture in Go's spelling.
func (h *Helper) image(arch string) (docker.HelperImage, error) {
	program, err := h.binary(arch)
	if err != nil {
		return docker.HelperImage{}, fmt.Errorf("getting the helper binary for %s: %w", arch, err)
	}
	writable := []string{VolumesRoot}
	for i := range WritableVolumes {
		writable = append(writable, fmt.Sprintf("%s/%d", VolumesRoot, i))
	}
	sum := sha256.New()
	sum.Write(program) // which cannot fail
	fmt.Fprint(sum, writable)
	return docker.HelperImage{
		Ref: helperRepo + ":" + hex.EncodeToString(sum.Sum(nil))[:12], Architecture: arch, Path: HelperProgram, Program: program,
		Writable: writable,
	}, nil
}
