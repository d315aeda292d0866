package advise

import (
	_ "embed"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"sigs.k8s.io/yaml"
)

//go:embed catalog.yaml
var shipped []byte

// Catalog holds what is known of images and of non-root alternatives to them. The zero value is empty.
type Catalog struct {
	Version int            `json:"version"`
	Images  []CatalogImage `json:"images"`
	Bases   []CatalogBase  `json:"bases,omitempty"`
}

// CatalogImage is one image, or a pattern of images.
type CatalogImage struct {
	Image        string  `json:"image"`            // repository, or repository:tag-pattern
	User         *string `json:"user,omitempty"`   // USER of the image: "" for none, absent if not known
	Source       string  `json:"source,omitempty"` // where USER was read
	Alternatives []Other `json:"alternatives,omitempty"`
}

// Other is an alternative to an image, with how its user was verified.
type Other struct {
	Image  string   `json:"image"`
	UID    int64    `json:"uid"`
	GID    *int64   `json:"gid,omitempty"`
	Tags   []string `json:"tags,omitempty"` // examples
	Ports  []int    `json:"ports,omitempty"`
	Login  bool     `json:"login,omitempty"`
	How    string   `json:"how"`
	Date   string   `json:"date"`
	Source string   `json:"source"`
	Note   string   `json:"note,omitempty"`
}

// ShippedCatalog returns the catalog that comes with podseal.
func ShippedCatalog() (Catalog, error) { return ParseCatalog(shipped) }

// ParseCatalog reads a catalog. Every alternative needs a user that is not root, and how, when and where it was verified.
func ParseCatalog(data []byte) (Catalog, error) {
	var c Catalog
	if err := yaml.UnmarshalStrict(data, &c); err != nil {
		return Catalog{}, fmt.Errorf("reading the catalog: %w", err)
	}
	if c.Version != 1 {
		return Catalog{}, fmt.Errorf("reading the catalog: version is %d, this podseal reads version 1", c.Version)
	}
	for _, i := range c.Images {
		if i.Image == "" {
			return Catalog{}, fmt.Errorf("reading the catalog: an entry has no image")
		}
		for _, o := range i.Alternatives {
			if o.Image == "" || o.UID <= 0 || o.How == "" || o.Date == "" || o.Source == "" {
				return Catalog{}, fmt.Errorf("reading the catalog: the alternative %q to %s needs image, uid (not 0), how, date and source", o.Image, i.Image)
			}
		}
	}
	for _, b := range c.Bases {
		if b.Image == "" {
			return Catalog{}, fmt.Errorf("reading the catalog: an entry for a base has no image")
		}
	}
	return c, nil
}

// Extended returns the catalog with the entries of another one, which replace those of the same image.
func (c Catalog) Extended(by Catalog) Catalog {
	out := Catalog{Version: 1, Images: slices.Clone(by.Images), Bases: slices.Concat(by.Bases, c.Bases)}
	for _, i := range c.Images {
		if !slices.ContainsFunc(by.Images, func(x CatalogImage) bool { return x.Image == i.Image }) {
			out.Images = append(out.Images, i)
		}
	}
	return out
}

// Find returns the entry that fits an image reference best: one with a tag pattern before one without.
func (c Catalog) Find(ref string) (CatalogImage, bool) {
	repo, tag := splitRef(ref)
	var best CatalogImage
	found := -1
	for _, i := range c.Images {
		pattern, tags, tagged := strings.Cut(i.Image, ":")
		score := len(pattern)
		if tagged {
			score += 1000
		}
		if wild(pattern, repo) && (!tagged || wild(tags, tag)) && score > found {
			best, found = i, score
		}
	}
	return best, found != -1
}

// splitRef returns the short repository and the tag of a reference. A text that is no reference has neither.
func splitRef(ref string) (repo, tag string) {
	tagged, _, digested := strings.Cut(ref, "@")
	parsed, err := name.ParseReference(tagged)
	if err != nil {
		return "", ""
	}
	tag = parsed.Identifier()
	if digested && !strings.Contains(path.Base(tagged), ":") {
		tag = ""
	}
	repo = strings.TrimPrefix(parsed.Context().Name(), "index.docker.io/")
	return strings.TrimPrefix(repo, "library/"), tag
}

// wild reports whether a pattern matches. "*" stands for any characters.
func wild(pattern, s string) bool {
	first, rest, ok := strings.Cut(pattern, "*")
	if !ok {
		return pattern == s
	}
	if !strings.HasPrefix(s, first) {
		return false
	}
	s = s[len(first):]
	for i := 0; i <= len(s); i++ {
		if wild(rest, s[i:]) {
			return true
		}
	}
	return false
}
