// Package emit writes seals in the output formats: a new Pod manifest, a manifest with its own bytes kept, patches, a
// kustomize component, values for a chart, Compose services and docker run lines.
package emit

import (
	"cmp"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/podspec"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/yamledit"
)

// Input is what a new manifest is made of.
type Input struct {
	// Name is that of the container, and of the Pod that is written for an image; empty: from the image's name.
	Name    string
	Target  target.Target
	Facts   image.Facts
	Profile profile.Profile

	// Pod is where the container of this name stands in a manifest; nil for an image that was given alone.
	Pod *manifest.Pod
	// Labels are what the Pod that is written gets.
	Labels map[string]string
	// KeepToken leaves the Pod that is written its service account token.
	KeepToken bool
}

// Pod writes a new Pod manifest. Equal input gives equal bytes. The result is checked before it is returned: it decodes
// strictly as a Pod, and unless the profile has exceptions the restricted level of Pod Security admits it.
func Pod(in Input) ([]byte, error) {
	pod, err := podspec.New(podspec.Image{
		Name: cmp.Or(in.Name, Name(in.Target.Image)), Ref: cmp.Or(in.Facts.Digest, in.Target.Image),
		Target: in.Target, Facts: in.Facts, Profile: in.Profile, Labels: in.Labels, KeepToken: in.KeepToken,
	})
	if err != nil {
		return nil, fmt.Errorf("writing a Pod: %w", err)
	}
	out := yamledit.Text(pod)
	if err := checkPod(out, len(in.Profile.Exceptions()) == 0); err != nil {
		return nil, fmt.Errorf("checking the Pod that was written (this is a fault of podseal): %w", err)
	}
	return out, nil
}

// checkPod decodes a manifest as strictly as the API server can, and judges it at the restricted level if asked.
func checkPod(manifest []byte, restricted bool) error {
	var pod corev1.Pod
	if err := yaml.UnmarshalStrict(manifest, &pod); err != nil {
		return fmt.Errorf("decoding it: %w", err)
	}
	if !restricted {
		return nil
	}
	return podspec.CheckRestricted(&pod)
}

// Unproved marks a manifest whose profile was planned but never run.
func Unproved(manifest []byte) []byte {
	const mark = "# NOT PROVED: this profile was planned, but no sealed run has shown that the application works under it.\n"
	return append([]byte(mark), manifest...)
}
