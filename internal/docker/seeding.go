package docker

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"sync"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
)

// seedFacts are those of the image that the init containers of mounts run in.
func (c *running) seedFacts(ctx context.Context) (image.Facts, error) {
	if name := c.profile.Seeding.Image; name != "" {
		facts, err := c.e.Image(ctx, name, c.target.Platform)
		if err != nil {
			return facts, fmt.Errorf("getting the image of the init containers: %w", err)
		}
		return facts, nil
	}
	return c.facts, nil
}

// makeInit creates the init container of a mount: same user and restrictions as the application.
func (c *running) makeInit(ctx context.Context, m mounted) (string, error) {
	facts, err := c.seedFacts(ctx)
	if err != nil {
		return "", err
	}
	s := initSettings(facts, c.profile, m)
	if m.Kind == profile.Seeded && c.profile.Seeding.ImageVolume {
		volume, err := c.e.imageVolume(ctx, c.facts, m.Path)
		if err != nil {
			return "", err
		}
		from := volumeMount(volume, profile.SeedImagePath)
		from.ReadOnly = true
		s.host.Mounts = append(s.host.Mounts, from)
	}
	c.joinGroups(s)
	s.cfg.Labels = c.e.labels()
	id, err := c.e.create(ctx, "init", s.cfg, s.host, facts)
	if err == nil {
		c.made(func(ctx context.Context) error { return c.e.removeContainer(ctx, id) })
	}
	return id, err
}

// imageVolumes are the volumes that stand for a folder of an image, one for all containers of a run.
type imageVolumes struct {
	mu   sync.Mutex
	made map[string]string // by image and folder
}

// imageVolume is a volume with one folder of an image, in its place and with all folders above it, owners and modes
// included: as much of an image volume as an init container copies from.
func (e *Engine) imageVolume(ctx context.Context, facts image.Facts, folder string) (string, error) {
	e.images.mu.Lock()
	defer e.images.mu.Unlock()
	key := facts.ID + " " + folder
	if name := e.images.made[key]; name != "" {
		return name, nil
	}
	v, err := e.makeVolume(ctx, "image", nil)
	if err != nil {
		return "", err
	}
	if err := e.fillImageVolume(ctx, facts, folder, v.Name); err != nil {
		return "", fmt.Errorf("mounting %s of the image as a volume: %w", folder, err)
	}
	if e.images.made == nil {
		e.images.made = map[string]string{}
	}
	e.images.made[key] = v.Name
	return v.Name, nil
}

// fillImageVolume copies through a container of the image that is never started.
func (e *Engine) fillImageVolume(ctx context.Context, facts image.Facts, folder, volume string) (err error) {
	id, err := e.create(ctx, "prepare", &container.Config{
		Image: facts.ID, Labels: e.labels(), Entrypoint: []string{"/never-started"}, WorkingDir: "/",
	}, &container.HostConfig{NetworkMode: "none", Mounts: []mount.Mount{volumeMount(volume, profile.SeedImagePath)}}, facts)
	if err != nil {
		return err
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), removalTime)
		defer cancel()
		err = errors.Join(err, e.removeContainer(end, id))
	}()
	above, err := e.foldersAbove(ctx, id, folder)
	if err != nil {
		return err
	}
	body, _, err := e.cli.CopyFromContainer(ctx, id, folder)
	if err != nil {
		return err
	}
	defer body.Close()
	read, write := io.Pipe()
	defer read.Close()
	go func() { write.CloseWithError(relocate(write, body, above, folder)) }()
	return e.cli.CopyToContainer(ctx, id, "/", read, container.CopyToContainerOptions{})
}

// foldersAbove are the headers of the folders above a path, the topmost first.
func (e *Engine) foldersAbove(ctx context.Context, id, p string) ([]*tar.Header, error) {
	var out []*tar.Header
	for dir := path.Dir(p); dir != "/"; dir = path.Dir(dir) {
		body, _, err := e.cli.CopyFromContainer(ctx, id, dir)
		if err != nil {
			return nil, err
		}
		h, err := tar.NewReader(body).Next() // its own header is the first
		_ = body.Close()
		if err != nil {
			return nil, err
		}
		if h.Typeflag != tar.TypeDir {
			return nil, &engine.SeedError{Path: p, Code: 1, Output: dir + " is a link in the image, which leads elsewhere in an image volume"}
		}
		h.Name = dir
		out = append([]*tar.Header{h}, out...)
	}
	return out, nil
}

// relocate writes the tar stream of a folder with its place below SeedImagePath, after the folders above it.
func relocate(to io.Writer, from io.Reader, above []*tar.Header, folder string) error {
	w := tar.NewWriter(to)
	at := func(p string) string { return path.Join(profile.SeedImagePath, p)[1:] }
	for _, h := range above {
		h.Name = at(h.Name) + "/"
		if err := w.WriteHeader(h); err != nil {
			return err
		}
	}
	files := tar.NewReader(from)
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return w.Close()
		}
		if err != nil {
			return err
		}
		h.Name = at(place(h.Name, folder))
		if h.Typeflag == tar.TypeDir {
			h.Name += "/"
		}
		if h.Typeflag == tar.TypeLink { // the other name of a file in this folder
			h.Linkname = at(place(h.Linkname, folder))
		}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		if _, err := io.Copy(w, files); err != nil { //nolint:gosec // the image is the user's own, and the size stands in its header
			return err
		}
	}
}

// makeMounts makes the volumes of the profile's mounts, and fills those that have an init container.
func (c *running) makeMounts(ctx context.Context) error {
	var err error
	if c.mounts, c.prepared = c.e.foreseen.take(c.profile.Mounts, c.fsGroup()); !c.prepared {
		c.mounts, err = c.e.makeEmptyDirs(ctx, c.profile.Mounts)
	}
	inits := false
	for _, m := range c.mounts {
		c.madeVolume(m.volume)
		inits = inits || m.NeedsInit()
	}
	if err != nil || !inits {
		return err
	}
	if !c.prepared {
		if err := c.e.prepare(ctx, c.facts, c.mounts, c.fsGroup()); err != nil {
			return err
		}
		c.prepared = true
	}
	for i, m := range c.mounts {
		if !m.NeedsInit() {
			continue
		}
		id, err := c.makeInit(ctx, m)
		if err != nil {
			return err
		}
		c.mounts[i].init = id
	}
	if err := c.runInits(ctx); err != nil {
		return err
	}
	for i, m := range c.mounts {
		if !m.NeedsInit() {
			continue
		}
		v, err := c.e.makeFolder(ctx, m.volume, profile.SeedSubPath)
		if err != nil {
			return err
		}
		c.madeVolume(v.Name)
		c.mounts[i].folder = v.Name
	}
	return nil
}

// runInits runs the init containers one after the other, as a kubelet does at every start of a pod's sandbox.
func (c *running) runInits(ctx context.Context) error {
	for _, m := range c.mounts {
		if m.init == "" {
			continue
		}
		code, output, err := c.e.runToEnd(ctx, m.init)
		if err != nil {
			return fmt.Errorf("running the init container of %s: %w", m.Path, err)
		}
		if code != 0 {
			return &engine.SeedError{Path: m.Path, Output: profile.SeedMessages(output), Code: code}
		}
	}
	return nil
}
