package enginetest

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
)

// mountVolumes mounts a copy of the image's files at each VOLUME of an open run. A sealed run needs a mount of the profile
// there.
func (a *application) mountVolumes(volumes map[string]struct{}) error {
	for _, v := range slices.Sorted(maps.Keys(volumes)) {
		if !a.p.Open {
			if _, ok := a.p.Mount(v); !ok {
				return fmt.Errorf("the profile has no mount for the image's VOLUME %s", v)
			}
			continue
		}
		at := a.fs.real(v, true)
		a.fs.makeParents(at)
		a.fs.cover(at, a.fs.below(at))
	}
	return nil
}

// mount mounts an emptyDir: with the entries that it had before a restart, else as the kubelet and the init container make
// it.
func (a *application) mount(m profile.Mount) error {
	at := a.fs.real(m.Path, true)
	if kept, ok := a.kept[at]; ok {
		a.fs.cover(at, kept)
		return nil
	}
	nodes := map[string]image.Entry{}
	root := image.Entry{Path: at, Kind: image.Dir, Mode: 0o777}
	if m.Medium == profile.Memory {
		root.Mode |= fs.ModeSticky
	}
	if m.NeedsInit() {
		if err := a.checkSeeding(m); err != nil {
			return err
		}
		root.UID, root.GID, root.Mode = a.who.uid, a.who.gid, 0o755
	}
	if m.Kind == profile.Seeded {
		var err error
		if nodes, err = a.seed(m, at); err != nil {
			return err
		}
		root.Mode = nodes[at].Mode | 0o700
	}
	if m.NeedsInit() && m.Private {
		root.Mode = 0o700
	}
	nodes[at] = root
	a.fs.cover(at, nodes)
	return nil
}

// checkSeeding returns the error of an init container that has no shell, or does not see the files that it is to copy.
func (a *application) checkSeeding(m profile.Mount) error {
	_, shell := a.fs.nodes[a.fs.real("/bin/sh", true)]
	switch s := a.p.Seeding; {
	case s.Image == "" && !shell:
		return &engine.SeedError{Path: m.Path, Output: `exec: "sh": executable file not found in $PATH`, Code: 127}
	case s.Image != "" && !s.ImageVolume && m.Kind == profile.Seeded:
		return missingSeed(m)
	}
	return nil
}

func missingSeed(m profile.Mount) error {
	return &engine.SeedError{Path: m.Path, Output: "cp: cannot stat '" + m.Path + "/.': No such file or directory", Code: 1}
}

// seed returns the entries that the init container of a mount copies.
func (a *application) seed(m profile.Mount, at string) (map[string]image.Entry, error) {
	if a.fs.nodes[at].Kind != image.Dir {
		return nil, missingSeed(m)
	}
	nodes := map[string]image.Entry{}
	for p, e := range a.fs.below(at) {
		if bits := map[image.Kind]fs.FileMode{image.Dir: 5, image.File: 4}[e.Kind]; !a.who.may(e, bits) {
			if m.Partial {
				continue
			}
			return nil, &engine.SeedError{Path: m.Path, Output: "cp: cannot open '" + p + "' for reading: Permission denied", Code: 1}
		}
		if e.Kind == image.Other {
			if m.Partial {
				continue
			}
			return nil, &engine.SeedError{Path: m.Path, Output: "cp: cannot create special file '" + p + "': Operation not permitted", Code: 1}
		}
		e.UID, e.GID = a.who.uid, a.who.gid
		if m.Rewritable {
			e.Mode |= 0o200
		}
		nodes[p] = e
	}
	return nodes, nil
}
