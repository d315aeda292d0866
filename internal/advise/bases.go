package advise

import (
	"strings"

	"github.com/podseal/podseal/internal/advise/dockerfile"
	"github.com/podseal/podseal/internal/image"
)

// CatalogBase is one base image of Dockerfiles, or a pattern of them.
type CatalogBase struct {
	Image    string            `json:"image"`
	Family   dockerfile.Family `json:"family"`
	User     *string           `json:"user,omitempty"` // "" for none; absent if not known
	Accounts map[string]string `json:"accounts,omitempty"`
	Prefer   string            `json:"prefer,omitempty"`
	Drops    string            `json:"drops,omitempty"` // the account that its own entrypoint becomes
	Env      map[string]string `json:"env,omitempty"`
	Ports    []string          `json:"ports,omitempty"` // that it exposes
	// Layers are the diff ids of its layers, by which images made from it are known; for one image, not for a pattern.
	Layers []string `json:"layers,omitempty"`
	How    string   `json:"how,omitempty"`
	Date   string   `json:"date,omitempty"`
	Source string   `json:"source,omitempty"`
}

// stacks returns the layers of the bases. Those of a base whose layers are not known are empty, and match no image.
func (c Catalog) stacks() []image.Stack {
	var out []image.Stack
	for _, b := range c.Bases {
		out = append(out, image.Stack{Ref: b.Image, Layers: b.Layers})
	}
	return out
}

// Base returns what is known of a base image: from the entries for bases, else its USER from those for images.
func (c Catalog) Base(ref string) dockerfile.Base {
	repo, tag := splitRef(ref)
	if ref == "scratch" {
		repo, tag = ref, ""
	}
	for _, b := range c.Bases {
		pattern, tags, tagged := strings.Cut(b.Image, ":")
		if wild(pattern, repo) && (!tagged || wild(tags, tag)) {
			return dockerfile.Base{Family: b.Family, User: b.User, Accounts: b.Accounts, Prefer: b.Prefer, Drops: b.Drops, Env: b.Env, Ports: b.Ports}
		}
	}
	if i, ok := c.Find(ref); ok {
		return dockerfile.Base{User: i.User}
	}
	return dockerfile.Base{}
}
