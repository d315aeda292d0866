package docker

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	dockerimage "github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
)

// object is something in the engine that carries a label of a run.
type object struct {
	kind    objectKind
	id      string
	name    string // as messages name it
	run     string
	created time.Time
	lease   leaseState
}

type objectKind string

const (
	containerObject objectKind = "container"
	volumeObject    objectKind = "volume"
	networkObject   objectKind = "network"
	imageObject     objectKind = "image"
	helperObject    objectKind = "helper image"
)

// Sweep removes everything that this run made and that is still there. It does not end with its context. An error means
// that something may be left.
func (c *Client) Sweep(ctx context.Context) error {
	within, cancel, err := c.removalContext(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	found, err := c.objects(within, c.opts.RunID)
	errs := []error{err}
	for _, o := range found {
		_, err := c.removeObject(within, o)
		errs = append(errs, err)
	}
	errs = append(errs, c.removeIntermediates(within))
	return firstError(errs)
}

// firstError returns the first error of a list: the others mostly follow from it.
func firstError(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Objects returns the names of the containers, volumes and networks that the engine has of this run.
func (c *Client) Objects(ctx context.Context) ([]string, error) {
	found, err := c.objects(ctx, c.opts.RunID)
	var names []string
	for _, o := range found {
		if o.kind != imageObject {
			names = append(names, o.name)
		}
	}
	return names, err
}

// objects lists what the engine has of a run, or of all runs where run is empty, in an order that lets it be removed. With an
// error, it has what could be listed.
func (c *Client) objects(ctx context.Context, run string) ([]object, error) {
	listings := []func() ([]object, error){
		func() ([]object, error) { return c.containers(ctx, withLabel(labelRun, run)) },
		func() ([]object, error) { return c.volumes(ctx, withLabel(labelRun, run)) },
		func() ([]object, error) { return c.networks(ctx, withLabel(labelRun, run)) },
		func() ([]object, error) { return c.images(ctx, imageObject, withLabel(labelBuilt, run)) },
	}
	found, errs := make([][]object, len(listings)), make([]error, len(listings))
	var asked sync.WaitGroup
	for i, list := range listings {
		asked.Go(func() { found[i], errs[i] = list() })
	}
	asked.Wait()
	return slices.Concat(found...), firstError(errs)
}

func withLabel(label, value string) filters.Args {
	if value != "" {
		label += "=" + value
	}
	return filters.NewArgs(filters.Arg("label", label))
}

func (c *Client) containers(ctx context.Context, which filters.Args) ([]object, error) {
	list, err := c.api.ContainerList(ctx, container.ListOptions{All: true, Filters: which})
	if err != nil {
		return nil, c.failure(ctx, "listing", "containers", err)
	}
	var out []object
	for _, found := range list {
		o := object{
			kind: containerObject, id: found.ID, name: strings.TrimPrefix(strings.Join(found.Names, ","), "/"),
			run: found.Labels[labelRun], created: time.Unix(found.Created, 0),
		}
		if found.Labels[labelLease] != "" {
			o.lease = leaseOf(found.State)
		}
		out = append(out, o)
	}
	return out, nil
}

func (c *Client) volumes(ctx context.Context, which filters.Args) ([]object, error) {
	list, err := c.api.VolumeList(ctx, volume.ListOptions{Filters: which})
	if err != nil {
		return nil, c.failure(ctx, "listing", "volumes", err)
	}
	var out []object
	for _, found := range list.Volumes {
		created, _ := time.Parse(time.RFC3339, found.CreatedAt) // zero, and so old, where the engine does not know it
		out = append(out, object{kind: volumeObject, id: found.Name, name: found.Name, run: found.Labels[labelRun], created: created})
	}
	return out, nil
}

func (c *Client) networks(ctx context.Context, which filters.Args) ([]object, error) {
	list, err := c.api.NetworkList(ctx, network.ListOptions{Filters: which})
	if err != nil {
		return nil, c.failure(ctx, "listing", "networks", err)
	}
	var out []object
	for _, found := range list {
		out = append(out, object{kind: networkObject, id: found.ID, name: found.Name, run: found.Labels[labelRun], created: found.Created})
	}
	return out, nil
}

// images lists images, one object for each name.
func (c *Client) images(ctx context.Context, kind objectKind, which filters.Args) ([]object, error) {
	list, err := c.api.ImageList(ctx, dockerimage.ListOptions{Filters: which})
	if err != nil {
		return nil, c.failure(ctx, "listing", "images", err)
	}
	var out []object
	for _, found := range list {
		names := found.RepoTags
		if len(names) == 0 || names[0] == "<none>:<none>" {
			names = []string{found.ID}
		}
		for _, name := range names {
			out = append(out, object{kind: kind, id: name, name: name, run: found.Labels[labelBuilt], created: time.Unix(found.Created, 0)})
		}
	}
	return out, nil
}

// removeObject removes an object. removed is false where the object was gone already, or is an image in use.
func (c *Client) removeObject(ctx context.Context, o object) (removed bool, err error) {
	switch o.kind {
	case containerObject:
		err = (&Container{conn: c.conn, ID: o.id, Name: o.name}).Remove(ctx)
	case volumeObject:
		err = c.RemoveVolume(ctx, o.id)
	case networkObject:
		err = c.RemoveNetwork(ctx, o.id)
	case imageObject, helperObject:
		return c.RemoveImage(ctx, o.id)
	}
	return err == nil, err
}

// The labels of what a run makes in the engine. A label cannot change once its object is made.
const (
	labelRun   = "podseal"       // the run's id
	labelLease = "podseal.lease" // on the container whose life is that of the run
	// labelBuilt marks an image that a run built for itself, with the run's id. It is not labelRun, since an image that a
	// user commits from a container inherits the container's labels.
	labelBuilt = "podseal.built"
)

// helperRun is the value of labelRun on helper images, which belong to no run.
const helperRun = "helper"

func (c *conn) labels() map[string]string { return map[string]string{labelRun: c.opts.RunID} }
