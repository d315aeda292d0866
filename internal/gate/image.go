package gate

import (
	"github.com/distribution/reference"

	"github.com/podseal/podseal/internal/finding"
)

// image compares the image that the manifest names with the one that was proved.
func (c *comparison) image() {
	at := placeOf(c.Pod, c.Container.Node, "image")
	now, before := parseImage(c.Container.Image), parseImage(c.Seal.Image.Reference)
	digest := c.Seal.Image.Digest
	if digest == "" {
		digest = before.digest
	}
	drift := func(text string) { c.add(finding.Error, finding.Digest, at, "image", text) }
	switch {
	case c.Resolved: // the seal was found by the image's digest
	case now.digest != "" && digest != "":
		if now.digest != digest {
			drift("the image is pinned to " + now.digest + ", but the seal proves " + digest + ": seal the new image")
		}
	case now.digest == "" && now.name == before.name && now.tag == before.tag:
		c.add(finding.Note, finding.Digest, at, "image", unknown(c.Container.Image, digest))
	case now.digest != "" && now.name == before.name:
		drift("the image is pinned to " + now.digest + ", but the seal is for " + c.Seal.Image.Reference + ", an image without a digest in a registry: seal the pinned image")
	default:
		drift("the image is " + c.Container.Image + ", but the seal proves " + c.Seal.Image.Reference + ": seal the new image")
	}
}

// unknown says that a tag may name another image by now.
func unknown(image, digest string) string {
	if digest == "" {
		return "the seal has no digest for " + image + ": whether the tag names another image by now is not known"
	}
	return "whether " + image + " still names " + digest + ", which the seal proves, is not known without its registry: pin the digest"
}

// imageName is a reference in its parts.
type imageName struct{ name, tag, digest string }

// parseImage splits a reference, with the defaults that an engine adds. A text that is no reference is its own name.
func parseImage(s string) imageName {
	named, err := reference.ParseNormalizedNamed(s)
	if err != nil {
		return imageName{name: s}
	}
	out := imageName{name: named.Name()}
	if t, ok := named.(reference.Tagged); ok {
		out.tag = t.Tag()
	}
	if d, ok := named.(reference.Digested); ok {
		out.digest = d.Digest().String()
	} else if out.tag == "" {
		out.tag = "latest"
	}
	return out
}

// Repository returns the repository of an image with its registry: "docker.io/library/nginx". A text that is no reference is
// returned as it is.
func Repository(image string) string { return parseImage(image).name }
