// Package engine is the contract between the search and a container engine: the interfaces Engine and Container, the
// capabilities of an engine, and the typed errors that an implementation returns. internal/podrun implements it;
// enginetest has a fake and the conformance suite.
//
// Every call that takes a context ends soon after the context has, with an error that wraps the context's.
package engine

import (
	"context"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// Engine is a container engine.
type Engine interface {
	// Capabilities returns what the engine can do.
	Capabilities() Capabilities

	// Image returns the facts of an image, and pulls the image if the engine does not have it. An empty platform is the
	// engine's own. The facts pin the image: every Start with them runs exactly this image, whatever the reference points
	// to by then.
	Image(ctx context.Context, ref, platform string) (image.Facts, error)

	// Tree returns the image's files, which are read when they are asked for. The caller closes it.
	Tree(ctx context.Context, facts image.Facts) (TreeCloser, error)

	// Prewarm makes what a start under the profile will need, in parallel with what the caller waits for. It is a hint:
	// the next start may be under another profile, and there may be none.
	Prewarm(ctx context.Context, facts image.Facts, p profile.Profile)

	// Start creates and starts a container of the target under the profile, as a kubelet would: first the mounts, then the
	// init containers that fill them, then the container. Under the unrestricted profile the container runs as its image
	// and the target say.
	//
	// A failed init container of a mount is a *SeedError, a failure of the rest of the pod a *PodError, an engine that is
	// gone or frozen a *Fault. An application that exits at once, or cannot be executed, is no error: see State. After an
	// error nothing is left in the engine. An engine that lacks resources for the container queues it, and reports that by
	// Enqueue.
	Start(ctx context.Context, t target.Target, facts image.Facts, p profile.Profile) (Container, error)
}

// TreeCloser is a tree of image files that holds an object of the engine until it is closed.
type TreeCloser interface {
	image.Tree
	Close(ctx context.Context) error
}

// Capabilities says what an engine can do beyond running containers under a profile. The zero value can do nothing else.
type Capabilities struct {
	// Ports is set where a process on this machine can connect to Container.Ports.
	Ports bool
	// Traces is set where Container.Writes and Container.DeniedPorts report, unless the trace of a run says otherwise.
	Traces bool
	// Restarts is set where Container.Restart works.
	Restarts bool
	// Services is set where package needs can run the services of targets.
	Services bool
	// Inspects is set where Container.Changes and Container.Processes report whatever the image has, unless the target is
	// untraced. Otherwise they take programs of the image.
	Inspects bool
	// NewRoot is set where Container.Restart starts over a new root filesystem under the unrestricted profile, as kubelets
	// do.
	NewRoot bool
	// ImageGroups is set where the user of a profile has the groups of the image's /etc/group as well, as kubelets add
	// them.
	ImageGroups bool
}
