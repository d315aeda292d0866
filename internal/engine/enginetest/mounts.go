package enginetest

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
)

// mountVolumes mounts a copy of the image's files at each VOLUME that the profile does not mount.
func (a *application) mountVolumes(volumes map[string]struct{}) {
	for v := range volumes {
		if _, ok := a.p.Mount(v); ok && !a.p.Open {
			continue
		}
		at := a.fs.real(v, true)
		a.fs.makeParents(at)
		a.fs.cover(at, a.fs.below(at))
	}
}

// mount mounts an emptyDir: with the entries that it had before a restart, else as the kubelet and the init container make
// it.
func (a *application) mount(m profile.Mount) error {
	at := a.fs.real(m.Path, true)
	if kept, ok := a.kept[at]; ok {
		a.fs.cover(at, kept)
		return nil
	}
	root := image.Entry{Path: at, Kind: image.Dir, Mode: 0o777}
	if m.Medium == profile.Memory {
		root.Mode |= fs.ModeSticky
	}
	if m.NeedsInit() {
		root.UID, root.GID, root.Mode = a.who.uid, a.who.gid, 0o755
		if m.Private {
			root.Mode = 0o700
		}
	}
	nodes := map[string]image.Entry{}
	if m.Kind == profile.Seeded {
		var err error
		if nodes, err = a.seed(m, at); err != nil {
			return err
		}
	}
	nodes[at] = root
	a.fs.cover(at, nodes)
	return nil
}

// seed returns the entries that the init container of a mount copies.
func (a *application) seed(m profile.Mount, at string) (map[string]image.Entry, error) {
	if _, ok, _ := a.e.tree.Lookup(context.Background(), "/bin/sh"); !ok && (a.p.Seeding.Image == "" || !a.p.Seeding.ImageVolume) {
		return nil, fmt.Errorf("seeding %s: the image has no shell and the profile names no other image", m.Path)
	}
	nodes := map[string]image.Entry{}
	for p, e := range a.fs.below(at) {
		if bits := map[image.Kind]fs.FileMode{image.Dir: 5, image.File: 4}[e.Kind]; !a.who.may(e, bits) {
			if m.Partial {
				continue
			}
			return nil, &engine.SeedError{Path: m.Path, Output: "cp: cannot open '" + p + "' for reading: Permission denied", Code: 1}
		}
		e.UID, e.GID = a.who.uid, a.who.gid
		if m.Rewritable {
			e.Mode |= 0o200
		}
		nodes[p] = e
	}
	return nodes, nil
}
