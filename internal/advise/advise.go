// Package advise says whether and why an image runs as root, which numeric uid it can run as, and what the best way to a
// non-root container is, with evidence for every sentence. It reads files; it runs nothing.
package advise

import (
	"github.com/podseal/podseal/internal/advise/dockerfile"
	"github.com/podseal/podseal/internal/advise/launch"
	"github.com/podseal/podseal/internal/profile"
)

// Model is how an image deals with privileges.
type Model string

// The privilege models.
const (
	// NonRoot declares a numeric non-root user: the kubelet accepts it as it is.
	NonRoot Model = "non-root"
	// NamedUser declares a non-root user by name: the kubelet cannot verify it and refuses it under runAsNonRoot.
	NamedUser Model = "named-user"
	// MissingUser declares a user that its /etc/passwd does not have: it does not start anywhere.
	MissingUser Model = "missing-user"
	// RootDrops declares root, and its entrypoint becomes another user before the application starts: a manifest line
	// is enough.
	RootDrops Model = "root-drops"
	// RootWorkers declares root, and the application's own setting names another user for (at least) its workers.
	RootWorkers Model = "root-workers-drop"
	// Root declares root and stays root.
	Root Model = "root"
	// UnknownModel is an image that podseal cannot judge.
	UnknownModel Model = "unknown"
)

// DeclaresRoot reports whether an image of this model starts as root where the manifest does not say otherwise.
func (m Model) DeclaresRoot() bool { return m == RootDrops || m == RootWorkers || m == Root }

// FallbackID is the uid and gid that is advised where an image gives no reason for another one: "nonroot" of the
// distroless images, and of most that follow them.
const FallbackID int64 = 65532

// Evidence is the place where a fact was read.
type Evidence = launch.Evidence

// The ids of findings, which --fail-on takes too.
const (
	IDRoot        = "root" // every model that declares root
	IDRootDrops   = "root-drops"
	IDRootWorkers = "root-workers-drop"
	IDNeverDrops  = "never-drops"
	IDNamedUser   = "named-user"
	IDMissingUser = "missing-user"
	IDNoAccount   = "no-account"
	IDRootGroup   = "root-group"
	IDSetuid      = "setuid"
	IDFileCaps    = "file-capabilities"
	IDLowPort     = "low-port"
	IDVolume      = "volume"
	IDOwner       = "owner"
	IDHome        = "home"
	IDBase        = "base"
)

// FindingIDs returns all ids, in the order of their explanations.
func FindingIDs() []string {
	return []string{
		IDRoot, IDRootDrops, IDRootWorkers, IDNeverDrops, IDNamedUser, IDMissingUser, IDNoAccount, IDRootGroup, IDSetuid,
		IDFileCaps, IDLowPort, IDVolume, IDOwner, IDHome, IDBase,
	}
}

// AllFindingIDs returns the ids of findings of images and of Dockerfiles.
func AllFindingIDs() []string {
	return append(FindingIDs(), dockerfile.RuleBase, dockerfile.RuleChownLayer, dockerfile.RuleOnbuild, dockerfile.RuleHealth, dockerfile.RuleStart)
}

// Finding is one fact that matters for a non-root container.
type Finding struct {
	ID       string     `json:"id"`
	Says     string     `json:"says"` // one sentence
	Evidence []Evidence `json:"evidence,omitempty"`
}

// WayKind is what a way out changes.
type WayKind string

// The ways, best first.
const (
	Nothing     WayKind = "nothing"     // it is fine
	Pin         WayKind = "pin"         // uid and gid in the manifest
	Variant     WayKind = "variant"     // another tag of the same image
	Alternative WayKind = "alternative" // another image
	Dockerfile  WayKind = "dockerfile"  // a change of the image
)

// Way is one way to a non-root container, with what it costs.
type Way struct {
	Kind WayKind `json:"kind"`
	Says string  `json:"says"`
	Cost string  `json:"cost"`
	// Image is the image to change to, for a variant or an alternative.
	Image string `json:"image,omitempty"`
	// Snippet is what to write into the manifest or the Dockerfile.
	Snippet  string     `json:"snippet,omitempty"`
	Evidence []Evidence `json:"evidence,omitempty"`
}

// Source is what names a user.
type Source string

// The sources of a user, best first.
const (
	FromManifest   Source = "manifest"
	FromUser       Source = "USER"
	FromEntrypoint Source = "entrypoint" // drops to it
	FromSetting    Source = "setting"    // of the application itself
	FromOwner      Source = "owner"      // of a folder that it writes
	FromAccount    Source = "account"    // a guess
	FromNothing    Source = "nothing"    // a fixed number
)

// Report is the advice on one image. Text, JSON and the exit code are views of it.
type Report struct {
	Image    string `json:"image"`
	Digest   string `json:"digest,omitempty"`
	Platform string `json:"platform,omitempty"`
	// Containers are those of manifests that run the image as the same user: "web of Deployment shop".
	Containers []string `json:"containers,omitempty"`

	Declared string     `json:"declared"` // USER as the image says
	Model    Model      `json:"model"`
	Why      string     `json:"why"` // one sentence
	Evidence []Evidence `json:"evidence,omitempty"`

	// User is who it can run as; UserWhy says how that is known, UserFrom in a word.
	User     profile.User `json:"user"`
	UserName string       `json:"userName,omitempty"`
	UserWhy  string       `json:"userWhy"`
	UserFrom Source       `json:"userFrom,omitempty"`

	Findings []Finding `json:"findings,omitempty"`
	Ways     []Way     `json:"ways"`

	// fixedDrop is the tool by which the entrypoint drops root whoever runs it; empty if it asks who that is.
	fixedDrop string

	// Notes say what was not inspected.
	Notes []string `json:"notes,omitempty"`
	// BytesRead is the number of bytes that were read of the image; 0 where it is not known.
	BytesRead int64 `json:"bytesRead,omitempty"`
}

// Has reports whether the report has a finding of one of the ids, and returns the id.
func (r Report) Has(ids []string) (string, bool) {
	for _, f := range r.Findings {
		for _, id := range ids {
			if f.ID == id {
				return id, true
			}
		}
	}
	return "", false
}
