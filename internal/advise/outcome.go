package advise

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/podseal/podseal/internal/advise/dockerfile"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/safetext"
)

// Schema names the version of the JSON advice.
const Schema = "podseal.advice/v1"

// Outcome is the advice on everything that was asked about. Text, JSON and SARIF are views of it.
type Outcome struct {
	Schema      string             `json:"schema"`
	Images      []Report           `json:"images"`
	Dockerfiles []DockerfileReport `json:"dockerfiles"`
	// Failed are the images and files of several that could not be advised on.
	Failed []Failure `json:"failed,omitempty"`
}

// Failure is an image or a file that could not be read. It is an error too.
type Failure struct {
	What string `json:"what"`
	Why  string `json:"why"` // one sentence
}

// Error implements error.
func (f Failure) Error() string { return f.What + ": " + f.Why }

// DockerfileReport is the advice on one Dockerfile.
type DockerfileReport struct {
	File  string `json:"file"`
	Stdin bool   `json:"-"` // it was read from standard input
	dockerfile.Result
	// BaseRead reports whether the base image was read itself, since the catalog does not have it.
	BaseRead bool `json:"baseRead,omitempty"`
	// ApplyIn is the folder to apply the diff in; empty for the working directory.
	ApplyIn string `json:"applyIn,omitempty"`
	Written bool   `json:"written,omitempty"` // the change is in the file
	Proof   *Proof `json:"proof,omitempty"`   // nil where none was asked for
}

// Proof is the result of building the changed Dockerfile and sealing the image.
type Proof struct {
	Proved bool   `json:"proved"` // the image works as the new user
	Why    string `json:"why"`    // one sentence
	// Verdict is the one of the seal, User and Mounts what the application ran with; empty where the build failed.
	Verdict string   `json:"verdict,omitempty"`
	User    string   `json:"user,omitempty"`
	Mounts  []string `json:"mounts,omitempty"`
	// Build are the last lines of a build that failed.
	Build []string `json:"build,omitempty"`
	// Image is the name under which the image was kept.
	Image string `json:"image,omitempty"`
}

// Text returns the proof for a terminal.
func (p Proof) Text() string {
	var b strings.Builder
	head := "Not proved"
	if p.Proved {
		head = "Proved"
	}
	fmt.Fprintf(&b, "%s: %s.\n", head, strings.TrimSuffix(p.Why, "."))
	for _, line := range p.Build {
		fmt.Fprintf(&b, "  | %s\n", line)
	}
	if p.Proved && len(p.Mounts) > 0 {
		fmt.Fprintf(&b, "  It writes to %s; `podseal run` makes the manifest.\n", strings.Join(p.Mounts, ", "))
	}
	if p.Image != "" {
		fmt.Fprintf(&b, "  The image was kept as %s.\n", p.Image)
	}
	return b.String()
}

// Has reports whether an image or a Dockerfile has a finding of one of the ids, and returns the id.
func (o Outcome) Has(ids []string) (string, bool) {
	for _, r := range o.Images {
		if id, ok := r.Has(ids); ok {
			return id, true
		}
	}
	for _, d := range o.Dockerfiles {
		for _, f := range d.Findings {
			if slices.Contains(ids, f.Rule) && !d.Written {
				return f.Rule, true
			}
		}
	}
	return "", false
}

// Formats returns the names of the forms of an outcome.
func Formats() []string { return []string{"text", "json", "sarif"} }

// Render returns the advice in one of Formats.
func (o Outcome) Render(format, version string) ([]byte, error) {
	switch format {
	case "json":
		return o.JSON()
	case "sarif":
		return o.SARIF(version)
	default:
		return []byte(o.Text()), nil
	}
}

// JSON returns the whole advice.
func (o Outcome) JSON() ([]byte, error) {
	o.Schema = Schema
	o.Images, o.Dockerfiles = append([]Report{}, o.Images...), append([]DockerfileReport{}, o.Dockerfiles...)
	data, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing the advice as JSON: %w", err)
	}
	return append(safetext.JSON(data), '\n'), nil
}

// Text returns the advice for a terminal.
func (o Outcome) Text() string {
	var parts []string
	for _, r := range o.Images {
		parts = append(parts, r.Text())
	}
	for _, d := range o.Dockerfiles {
		parts = append(parts, d.Text())
	}
	for _, f := range o.Failed {
		parts = append(parts, fmt.Sprintf("%s\n  Not advised on: %s.\n", f.What, strings.TrimSuffix(f.Why, ".")))
	}
	return safetext.Text(strings.Join(parts, "\n"))
}

// Text returns the advice on a Dockerfile for a terminal: the findings, what the change does, and the change.
func (d DockerfileReport) Text() string {
	var b strings.Builder
	how := ""
	if d.BaseRead {
		how = ", as the engine has it"
	}
	fmt.Fprintf(&b, "%s (final stage from %s%s)\n", d.File, orNone(d.Base), how)
	if d.Fine {
		fmt.Fprintf(&b, "  Nothing to do: USER %s is a number and not root.\n", d.User)
	}
	for _, f := range d.Findings {
		fmt.Fprintf(&b, "  line %d: [%s] %s\n", f.Line, f.Rule, f.Says)
	}
	for _, s := range d.Says {
		fmt.Fprintf(&b, "  change: %s\n", s)
	}
	if d.Refused != "" {
		fmt.Fprintf(&b, "  No change: %s.\n", d.Refused)
	}
	if d.Written {
		fmt.Fprintf(&b, "  Written to %s.\n", d.File)
	}
	if d.Diff != "" && d.Proof == nil {
		b.WriteString("  The change is not proved: nothing was built or run; podseal advise --prove does.\n")
	}
	if d.ApplyIn != "" && !d.Written {
		fmt.Fprintf(&b, "  Apply the change in the folder %s, with patch -p1 or git apply.\n", d.ApplyIn)
	}
	if d.Diff != "" {
		fmt.Fprintf(&b, "\n%s", d.Diff)
	}
	if d.Proof != nil {
		fmt.Fprintf(&b, "\n%s", d.Proof.Text())
	}
	return b.String()
}

func orNone(s string) string {
	if s == "" {
		return "an image that is not known"
	}
	return s
}

// Verify asks a registry about each other image that the report names, and removes those that do not exist or are root, with
// a note.
func (r Report) Verify(ctx context.Context, config func(ctx context.Context, ref string) (*v1.ConfigFile, error)) Report {
	var ways []Way
	r.Notes = slices.Clone(r.Notes)
	for _, w := range r.Ways {
		if w.Image == "" {
			ways = append(ways, w)
			continue
		}
		if strings.Contains(w.Image, "*") {
			r.Notes = append(r.Notes, fmt.Sprintf("%s stands for several tags: none was verified", w.Image))
			ways = append(ways, w)
			continue
		}
		file, err := config(ctx, w.Image)
		if err != nil {
			r.Notes = append(r.Notes, fmt.Sprintf("%s is not advised, since it could not be verified: %v", w.Image, err))
			continue
		}
		user := file.Config.User
		name, _, _ := strings.Cut(user, ":")
		if got, err := (image.Users{}).Resolve(name); name == "root" || err == nil && got.UID == 0 {
			r.Notes = append(r.Notes, fmt.Sprintf("%s is not advised, since it is root", w.Image))
			continue
		}
		w.Evidence = append(slices.Clone(w.Evidence), Evidence{Where: "registry", Text: "it exists, with USER " + user})
		ways = append(ways, w)
	}
	r.Ways = ways
	return r
}
