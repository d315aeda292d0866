package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/build"
	dockerimage "github.com/docker/docker/api/types/image"

	"github.com/podseal/podseal/internal/docker/buildstream"
)

// builtRepo is the repository of such images.
const builtRepo = "podseal-built"

// Build describes a build.
type Build struct {
	Dir        string // context directory; its .dockerignore applies
	Name       string // of the Dockerfile, whose own NAME.dockerignore takes precedence; need not be in Dir
	Dockerfile []byte // its text
	Target     string // stage; empty means the last one
	Platform   string
	Network    string             // of RUN; empty means the engine's default
	Args       map[string]*string // build arguments; nil takes the Dockerfile's default
	Bases      []string           // images to pull with the user's credentials, where the engine lacks them
	Keep       string             // name under which the image is kept; empty means that Sweep removes it
}

// builder builds images, and remembers what is to be removed of them.
type builder struct {
	images imageStore
	built  builtImages
}

// BuildError is a build that failed for a reason in its Dockerfile or context.
type BuildError = buildstream.Error

// Build builds an image and returns its name. The builder is the one that the docker command would use: as
// DOCKER_BUILDKIT says, else as the engine does.
func (b *builder) Build(ctx context.Context, spec Build) (ref string, err error) {
	for _, base := range spec.Bases {
		if has, err := b.images.Has(ctx, base, spec.Platform); err == nil && !has {
			if err := b.images.pull(ctx, base, spec.Platform); err != nil && ctx.Err() == nil {
				b.images.opts.Progress(err.Error()) // whether the build needs it is the builder's business
			}
		}
	}
	opts, err := b.options(ctx, spec)
	if err != nil {
		return "", err
	}
	var before []dockerimage.Summary
	if opts.Version == build.BuilderV1 { // the only one that makes intermediate images
		if before, err = b.images.api.ImageList(ctx, dockerimage.ListOptions{All: true}); err != nil {
			return "", b.images.failure(ctx, "listing", "images", err)
		}
	}
	from := buildstream.Context{Dir: spec.Dir, Name: spec.Name, Dockerfile: spec.Dockerfile}
	read, write := io.Pipe()
	defer read.Close()
	go func() { write.CloseWithError(buildstream.PackContext(ctx, write, from, opts.Dockerfile)) }()
	answer, err := b.images.api.ImageBuild(ctx, read, opts)
	if err != nil {
		return "", buildError(ctx, spec.Dir, err)
	}
	defer answer.Body.Close()
	log, err := buildstream.Follow(answer.Body, b.images.opts.Progress)
	b.built.add(log.Made, before)
	if err != nil {
		return "", buildError(ctx, spec.Dir, err)
	}
	return opts.Tags[0], nil
}

func (b *builder) options(ctx context.Context, spec Build) (build.ImageBuildOptions, error) {
	version, err := b.version(ctx)
	if err != nil {
		return build.ImageBuildOptions{}, err
	}
	o := build.ImageBuildOptions{
		Tags: []string{spec.Keep}, Dockerfile: ".podseal-" + b.images.opts.RunID + ".Dockerfile", Target: spec.Target, Platform: spec.Platform,
		NetworkMode: spec.Network, BuildArgs: spec.Args, Remove: true, ForceRemove: true, Version: version,
	}
	if spec.Keep == "" {
		o.Tags = []string{fmt.Sprintf("%s:%s-%d", builtRepo, b.images.opts.RunID, b.images.seq.Add(1))}
		o.Labels = map[string]string{labelBuilt: b.images.opts.RunID}
	}
	return o, nil
}

// version returns the builder that the docker command would choose.
func (b *builder) version(ctx context.Context) (build.BuilderVersion, error) {
	switch os.Getenv("DOCKER_BUILDKIT") {
	case "0", "false":
		return build.BuilderV1, nil
	case "":
	default:
		return build.BuilderBuildKit, nil
	}
	ping, err := b.images.api.Ping(ctx)
	if err != nil {
		return "", b.images.failure(ctx, "asking for the builder of", "the engine", err)
	}
	if ping.BuilderVersion == build.BuilderBuildKit {
		return build.BuilderBuildKit, nil
	}
	return build.BuilderV1, nil
}

func buildError(ctx context.Context, dir string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("building an image of %s: %w", dir, ctx.Err())
	}
	if failed := new(BuildError); errors.As(err, &failed) {
		return failed
	}
	if errdefs.IsInvalidArgument(err) || errdefs.IsNotFound(err) {
		return &BuildError{Text: buildstream.OneLine(err.Error())}
	}
	return fmt.Errorf("building an image of %s: %w", dir, err)
}

// removeIntermediates removes the intermediate images of this client's builds. One that another image uses is kept.
func (b *builder) removeIntermediates(ctx context.Context) error {
	var errs []error
	for _, id := range slices.Backward(b.built.take()) {
		_, err := b.images.RemoveImage(ctx, id)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// builtImages are the ids of the intermediate images that builds made.
type builtImages struct {
	mu  sync.Mutex
	ids []string
}

// add adds ids that are not among the images that the engine had before.
func (b *builtImages) add(made []string, before []dockerimage.Summary) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range made {
		old := slices.ContainsFunc(before, func(i dockerimage.Summary) bool { return buildstream.SameID(i.ID, id) })
		if !old && !slices.Contains(b.ids, id) {
			b.ids = append(b.ids, id)
		}
	}
}

// take returns the ids and forgets them.
func (b *builtImages) take() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	ids := b.ids
	b.ids = nil
	return ids
}
