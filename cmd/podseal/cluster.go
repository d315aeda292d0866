package main

import (
	"regexp"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/podseal/podseal/internal/seal"
)

// clusterOptions are the flags that say what the cluster has for a seal.
type clusterOptions struct {
	seedImage  string
	kubernetes string
	sizeLimits bool
}

func (o *clusterOptions) addFlags(f *pflag.FlagSet) {
	f.StringVar(&o.seedImage, "seed-image", "", "run the init containers of an image without a shell in this `IMAGE`, which has sh, rm, mkdir, cp and mv")
	f.StringVar(&o.kubernetes, "kubernetes-version", "", "the oldest Kubernetes `VERSION` that the pod has to run on; from 1.36 on, the seed image copies from an image volume (default: one without image volumes)")
	f.BoolVar(&o.sizeLimits, "size-limits", false, "give every emptyDir a sizeLimit, from what the runs left in it")
}

var kubernetesVersion = regexp.MustCompile(`^v?1\.([0-9]{1,3})(?:\.[0-9]+)?$`)

// imageVolumesSince is the minor version in which image volumes became generally available.
const imageVolumesSince = 36

// apply checks the flags and sets what they say.
func (o *clusterOptions) apply(s *seal.Options) error {
	s.SeedImage, s.SizeLimits = o.seedImage, o.sizeLimits
	if o.kubernetes == "" {
		return nil
	}
	m := kubernetesVersion.FindStringSubmatch(o.kubernetes)
	if m == nil {
		return badInput("--kubernetes-version %s: give a version like 1.36", o.kubernetes)
	}
	minor, err := strconv.Atoi(m[1])
	s.ImageVolumes = minor >= imageVolumesSince
	return err
}
