package docker

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The ages below which GC leaves objects whose run shows no lease.
const (
	// unleasedAge is for runs without a lease: a run that has just begun and has not made it yet, or one on an engine where
	// no helper image can be loaded, and so no observer container runs.
	unleasedAge = time.Hour
	// helperAge is for helper images: a run that has just begun may be about to use one.
	helperAge = 10 * time.Minute
)

// leaseState says whether a container is its run's lease, and what it shows of the run.
type leaseState int

const (
	noLease    leaseState = iota
	leaseHeld             // the lease container runs, as it does while its client is connected
	leaseEnded            // it has ended
)

// leaseOf returns what the engine's word for the state of a lease container means.
func leaseOf(state string) leaseState {
	switch state {
	case "running", "paused", "restarting":
		return leaseHeld
	case "created": // it is about to start; a run that never started it shows by its age
		return noLease
	}
	return leaseEnded
}

// Collected is what GC did.
type Collected struct {
	Removed []string // one description of each object
	Kept    []Kept
}

// Kept is an object that GC left.
type Kept struct {
	Object string
	Reason string
}

// GC removes what runs have left in the engine, images that they built included, and unused helper images. The lease in
// the engine says whether a run is alive, wherever its process runs. all removes the objects of live runs as well.
func (c *Client) GC(ctx context.Context, all bool) (Collected, error) {
	found, err := c.objects(ctx, "")
	if err != nil {
		return Collected{}, err
	}
	helpers, err := c.helperImages(ctx)
	if err != nil {
		return Collected{}, err
	}
	now, err := c.now(ctx)
	if err != nil {
		return Collected{}, err
	}
	var done Collected
	var errs []error
	for _, d := range judge(append(found, helpers...), now, all) {
		if d.reason != "" {
			done.Kept = append(done.Kept, Kept{Object: d.describe(), Reason: d.reason})
			continue
		}
		removed, err := c.removeObject(ctx, d.object)
		switch {
		case err != nil:
			errs = append(errs, err)
		case removed:
			done.Removed = append(done.Removed, d.describe())
		case d.kind == helperObject:
			done.Kept = append(done.Kept, Kept{Object: d.describe(), Reason: "a container uses it"})
		}
	}
	return done, errors.Join(errs...)
}

// decision is an object with the reason to leave it; "" means that GC removes it.
type decision struct {
	object
	reason string
}

func (d decision) describe() string { return string(d.kind) + " " + d.name }

// judge decides which objects are left over. The engine's clock says how old they are.
func judge(objects []object, now time.Time, all bool) []decision {
	leases := map[string]leaseState{}
	for _, o := range objects {
		if o.kind == containerObject && o.lease != noLease && leases[o.run] != leaseHeld {
			leases[o.run] = o.lease
		}
	}
	var out []decision
	for _, o := range objects {
		d := decision{object: o}
		if !all {
			d.reason = reasonToKeep(o, leases[o.run], now.Sub(o.created))
		}
		out = append(out, d)
	}
	return out
}

func reasonToKeep(o object, lease leaseState, age time.Duration) string {
	switch {
	case o.kind == helperObject && age < helperAge:
		return fmt.Sprintf("it was loaded less than %s ago: a run may be about to use it", minutes(helperAge))
	case o.kind == helperObject:
		return ""
	case lease == leaseHeld:
		return fmt.Sprintf("its run %s is alive", o.run)
	case lease == noLease && age < unleasedAge:
		return fmt.Sprintf("it is less than %s old and its run %s has no lease: it may be alive", minutes(unleasedAge), o.run)
	}
	return ""
}

func minutes(d time.Duration) string { return fmt.Sprintf("%d minutes", int(d.Minutes())) }

// helperImages lists the helper images. They are as old as their last load or use: their own date is that of no build.
func (c *Client) helperImages(ctx context.Context) ([]object, error) {
	found, err := c.images(ctx, helperObject, withLabel(labelRun, helperRun))
	for i, o := range found {
		image, err := c.api.ImageInspect(ctx, o.id)
		if err == nil {
			found[i].created = image.Metadata.LastTagTime
		}
	}
	return found, err
}

// now returns the time of the engine's clock, which dates its objects.
func (c *Client) now(ctx context.Context) (time.Time, error) {
	info, err := c.api.Info(ctx)
	if err != nil {
		return time.Time{}, c.failure(ctx, "asking for the time of", "the engine", err)
	}
	now, err := time.Parse(time.RFC3339Nano, info.SystemTime)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading the time of the engine: %w", err)
	}
	return now, nil
}
