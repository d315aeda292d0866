// Package survey finds out what an argument of podseal advise names (an image, a Dockerfile, a manifest, an archive, a
// folder), reads it, and collects the advice on it.
package survey

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/podseal/podseal/internal/advise"
	"github.com/podseal/podseal/internal/advise/dockerfile"
	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/outfile"
)

// Engine is the engine as far as advice needs it. *docker.Client implements it.
type Engine interface {
	Has(ctx context.Context, ref, platform string) (bool, error)
	Image(ctx context.Context, ref, platform string) (image.Facts, error)
	Tree(ctx context.Context, facts image.Facts) (engine.TreeCloser, error)
	Stacks(ctx context.Context) ([]image.Stack, error)
}

// Options are what is wanted of Advise.
type Options struct {
	Catalog advise.Catalog

	From     string // where an image is read: "engine", "registry", "archive", "layout"; empty means that it is found out
	Platform string
	Deep     bool // read all layers of an image in a registry
	Verify   bool // ask the registry about each other image that is advised

	Stage   string            // of a Dockerfile; empty means the last one
	Args    map[string]string // build arguments
	Writes  []string          // folders that the application of a Dockerfile writes to
	Context string            // the build context; empty means the Dockerfile's folder

	// Connect returns the engine. It is called at most once, when the engine is needed.
	Connect func(ctx context.Context) (Engine, error)
	// ReadFile reads a file, or standard input for "-". Its error is one of the input.
	ReadFile func(name string) ([]byte, error)
	// Skipped is called with the reason for each file of a folder that holds nothing to advise on.
	Skipped func(error)
}

// InputError is a fault of the argument or of the file that it names.
type InputError struct{ Err error }

// Error implements error.
func (e *InputError) Error() string { return e.Err.Error() }

// Unwrap implements the interface of package errors.
func (e *InputError) Unwrap() error { return e.Err }

func inputError(err error) error {
	if err == nil {
		return nil
	}
	return &InputError{err}
}

func inputErrorf(format string, args ...any) error { return &InputError{fmt.Errorf(format, args...)} }

// survey collects the advice.
type survey struct {
	opts    Options
	outcome advise.Outcome
	patches outfile.PatchBase // of the changes to Dockerfiles

	folders bool          // a folder is advised on: containers are named with their files
	advised map[usage]int // the index in outcome.Images of each image that manifests run

	engine    Engine // nil until it is needed
	engineErr error  // of the one try to reach it
	bases     map[string]dockerfile.Base
}

// Advise advises on what an argument names: a file or folder, else an image. Of several images or files, those that cannot
// be read are in Outcome.Failed, and the others are advised on.
func Advise(ctx context.Context, what string, opts Options) (advise.Outcome, error) {
	s := &survey{opts: opts, bases: map[string]dockerfile.Base{}, advised: map[usage]int{}}
	if what != "-" {
		s.patches = outfile.NewPatchBase(what)
	}
	err := s.argument(ctx, what)
	return s.outcome, err
}

func (s *survey) argument(ctx context.Context, what string) error {
	if s.opts.From != "" {
		return s.image(ctx, s.opts.From, what, advise.Options{})
	}
	st, err := os.Stat(what)
	switch {
	case what == "-" || err == nil && !st.IsDir():
		return s.file(ctx, what)
	case err == nil:
		return s.folder(ctx, what)
	case errors.Is(err, os.ErrNotExist) && !mayBeImage(what):
		return inputErrorf("no such file: %s", what)
	default:
		return s.image(ctx, "", what, advise.Options{})
	}
}

// mayBeImage reports whether an argument that is no file may name an image: it has the form of a reference, and is
// neither a relative path nor the name of an archive or a manifest.
func mayBeImage(what string) bool {
	_, err := name.ParseReference(what)
	return err == nil && !strings.HasPrefix(what, ".") && !isArchive(what) && !isObject(what)
}

// failed records that something could not be advised on, unless ctx has ended.
func (s *survey) failed(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return err
	}
	why := strings.TrimPrefix(strings.Join(strings.Fields(err.Error()), " "), what+": ")
	s.outcome.Failed = append(s.outcome.Failed, advise.Failure{What: what, Why: why})
	return nil
}

// connect returns the engine. It tries once.
func (s *survey) connect(ctx context.Context) (Engine, error) {
	if s.engine == nil && s.engineErr == nil {
		s.engine, s.engineErr = s.opts.Connect(ctx)
	}
	return s.engine, s.engineErr
}

// searched reports whether a folder is searched: not one that is hidden or that holds the packages of others.
func searched(name string) bool {
	return name == "." || !strings.HasPrefix(name, ".") && name != "node_modules" && name != "vendor"
}

func isDockerfile(name string) bool {
	base := strings.ToLower(filepath.Base(name))
	return strings.HasPrefix(base, "dockerfile") || strings.HasPrefix(base, "containerfile") || strings.HasSuffix(base, ".dockerfile")
}

func isArchive(name string) bool {
	return strings.HasSuffix(name, ".tar") || strings.HasSuffix(name, ".tar.gz") || strings.HasSuffix(name, ".tgz")
}

// isObject reports whether a file is a manifest by its name.
func isObject(name string) bool {
	return isYAML(name) || strings.EqualFold(filepath.Ext(name), ".json")
}

func isYAML(name string) bool {
	ext := strings.ToLower(filepath.Ext(name))
	return ext == ".yaml" || ext == ".yml"
}
