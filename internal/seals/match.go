package seals

import (
	"github.com/podseal/podseal/internal/gate"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/sealfile"
)

// Match is a container of a manifest with its seal.
type Match struct {
	Target manifest.Target
	Seal   *sealfile.Entry // nil for none
}

// Pair gives each container its seal, and returns the seals that belong to none. A seal belongs to the container of its object
// and name; else, where the object has another name, to one of its name and image; the seal of an image alone, to all containers
// of that image. One seal and one container belong together.
func Pair(targets []manifest.Target, entries []sealfile.Entry) (pairs []Match, left []sealfile.Entry) {
	pairs = make([]Match, len(targets))
	for i, t := range targets {
		pairs[i].Target = t
	}
	used := make([]bool, len(entries))
	if len(targets) == 1 && len(entries) == 1 {
		pairs[0].Seal, used[0] = &entries[0], true
	}
	byPlace, byImage := index(entries)
	for i, t := range targets { // exact ones first, so that no other takes them
		if at, ok := byPlace[t.Pod.String()+"/"+t.Container.Name]; ok && pairs[i].Seal == nil && !used[at] {
			pairs[i].Seal, used[at] = &entries[at], true
		}
	}
	for i, t := range targets {
		if pairs[i].Seal != nil {
			continue
		}
		at := -1
		for _, j := range byImage[gate.Repository(t.Container.Image)] {
			e := entries[j]
			switch {
			case e.Object != "" && e.Container == t.Container.Name && !used[j]:
				at = j
			case e.Object == "" && at < 0:
				at = j
			}
		}
		if at >= 0 {
			pairs[i].Seal, used[at] = &entries[at], true
		}
	}
	for i, e := range entries {
		if !used[i] {
			left = append(left, e)
		}
	}
	return pairs, left
}

// index returns the place in the list of each seal of a manifest, by its object and container, and the places of the seals of
// each image.
func index(entries []sealfile.Entry) (byPlace map[string]int, byImage map[string][]int) {
	byPlace, byImage = map[string]int{}, map[string][]int{}
	for i, e := range entries {
		image := gate.Repository(e.Image.Reference)
		byImage[image] = append(byImage[image], i)
		key := e.Object + "/" + e.Container
		if _, known := byPlace[key]; !known && e.Object != "" {
			byPlace[key] = i
		}
	}
	return byPlace, byImage
}
