package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/filters"
	dockerimage "github.com/docker/docker/api/types/image"
)

// labelBuilt marks an image that a run built for itself, with the run's id. It is not the label of containers, since an
// image that a user commits from one of them inherits that.
const labelBuilt = "podseal.built"

// builtRepo is the repository of such images.
const builtRepo = "podseal-built"

// Build says what to build.
type Build struct {
	Dir        string // context folder; its .dockerignore holds
	Name       string // of the Dockerfile, whose own NAME.dockerignore goes first; need not be in Dir
	Dockerfile []byte // its text
	Target     string // stage; empty means the last one
	Platform   string
	Network    string             // of RUN; empty means the engine's default
	Args       map[string]*string // build arguments; nil takes the Dockerfile's default
	Bases      []string           // images to pull with the user's credentials, where the engine lacks them
	Keep       string             // name under which the image stays; empty means that Sweep removes it
}

// BuildError is a build that failed, not through the engine's fault.
type BuildError struct {
	Text  string   // the builder's own sentence
	Lines []string // the last ones of its output
}

func (e *BuildError) Error() string { return "the build fails: " + e.Text }

// Build builds an image and returns its name. The builder is the one that the docker command would use: as
// DOCKER_BUILDKIT says, else as the engine does.
func (e *Engine) Build(ctx context.Context, b Build) (ref string, err error) {
	for _, base := range b.Bases {
		if has, err := e.Has(ctx, base, b.Platform); err == nil && !has {
			if err := e.pull(ctx, base, b.Platform); err != nil && ctx.Err() == nil {
				e.opts.Progress(err.Error()) // whether the build needs it is the builder's business
			}
		}
	}
	opts, err := e.buildOptions(ctx, b)
	if err != nil {
		return "", err
	}
	var before []dockerimage.Summary
	if opts.Version == build.BuilderV1 { // the only one that makes images on its way
		if before, err = e.cli.ImageList(ctx, dockerimage.ListOptions{All: true}); err != nil {
			return "", fmt.Errorf("listing the engine's images: %w", err)
		}
	}
	e.builds.Store(true)
	read, write := io.Pipe()
	defer read.Close()
	go func() { write.CloseWithError(packContext(ctx, write, b, opts.Dockerfile)) }()
	answer, err := e.cli.ImageBuild(ctx, read, opts)
	if err != nil {
		return "", buildError(ctx, b.Dir, err)
	}
	defer answer.Body.Close()
	log, err := followBuild(answer.Body, e.opts.Progress)
	e.rememberBuilt(log.made, before)
	if err != nil {
		return "", buildError(ctx, b.Dir, err)
	}
	return opts.Tags[0], nil
}

func (e *Engine) buildOptions(ctx context.Context, b Build) (build.ImageBuildOptions, error) {
	version, err := e.builder(ctx)
	if err != nil {
		return build.ImageBuildOptions{}, err
	}
	o := build.ImageBuildOptions{
		Tags: []string{b.Keep}, Dockerfile: ".podseal-" + e.opts.RunID + ".Dockerfile", Target: b.Target, Platform: b.Platform,
		NetworkMode: b.Network, BuildArgs: b.Args, Remove: true, ForceRemove: true, Version: version,
	}
	if b.Keep == "" {
		labels := e.labels()
		o.Tags = []string{fmt.Sprintf("%s:%s-%d", builtRepo, e.opts.RunID, e.seq.Add(1))}
		o.Labels = map[string]string{labelBuilt: e.opts.RunID, labelPID: labels[labelPID], labelHost: labels[labelHost]}
	}
	return o, nil
}

// builder is the one that the docker command would choose.
func (e *Engine) builder(ctx context.Context) (build.BuilderVersion, error) {
	switch os.Getenv("DOCKER_BUILDKIT") {
	case "0", "false":
		return build.BuilderV1, nil
	case "":
	default:
		return build.BuilderBuildKit, nil
	}
	ping, err := e.cli.Ping(ctx)
	if err != nil {
		return "", &UnreachableError{Host: e.host, Err: err}
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
		return &BuildError{Text: oneLine(err.Error())}
	}
	return fmt.Errorf("building an image of %s: %w", dir, err)
}

// rememberBuilt keeps the ids of the images that a build made on its way, to be removed with the rest of the run.
func (e *Engine) rememberBuilt(made []string, before []dockerimage.Summary) {
	e.builtMu.Lock()
	defer e.builtMu.Unlock()
	for _, id := range made {
		old := slices.ContainsFunc(before, func(i dockerimage.Summary) bool { return sameID(i.ID, id) })
		if !old && !slices.Contains(e.built, id) {
			e.built = append(e.built, id)
		}
	}
}

// sweepImages removes the images that a run built, and what its builds made on their way. One that a container or
// another image uses stays.
func (e *Engine) sweepImages(ctx context.Context, which filters.Args, want func(map[string]string) bool) (removed []string, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removalTime)
	defer cancel()
	images, err := e.cli.ImageList(ctx, dockerimage.ListOptions{Filters: which})
	if err != nil {
		return nil, fmt.Errorf("listing the images that were built: %w", err)
	}
	var errs []error
	for _, i := range images {
		if !want(i.Labels) {
			continue
		}
		names := i.RepoTags
		if len(names) == 0 || names[0] == "<none>:<none>" {
			names = []string{i.ID}
		}
		for _, name := range names {
			ok, err := e.removeImage(ctx, name)
			if ok {
				removed = append(removed, "image "+name)
			}
			errs = append(errs, err)
		}
	}
	e.builtMu.Lock()
	defer e.builtMu.Unlock()
	for _, id := range slices.Backward(e.built) {
		_, err := e.removeImage(ctx, id)
		errs = append(errs, err)
	}
	e.built = nil
	return removed, errors.Join(errs...)
}

// removeImage removes an image or a name of one, with the nameless ones that it was made from. ok is false where it was
// gone already, or is in use.
func (e *Engine) removeImage(ctx context.Context, name string) (ok bool, err error) {
	_, err = e.cli.ImageRemove(ctx, name, dockerimage.RemoveOptions{PruneChildren: true})
	if errdefs.IsNotFound(err) || errdefs.IsConflict(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("removing image %s: %w", name, err)
	}
	return true, nil
}
