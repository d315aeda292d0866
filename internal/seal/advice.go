package seal

import "github.com/podseal/podseal/internal/plan"

// Advice is what the files of an image that declares root say of its user, beside what its runs show.
type Advice struct {
	Model string `json:"model"`
	Why   string `json:"why"`
	Ways  []Way  `json:"ways"`
	// Users are whom the files name: by an entrypoint, or by the application's own setting.
	Users []plan.UserChoice `json:"-"`
}

// Way is one way to an image or a manifest that is not root, with what it costs.
type Way struct {
	Kind    string `json:"kind"`
	Says    string `json:"says"`
	Cost    string `json:"cost"`
	Image   string `json:"image,omitempty"`
	Snippet string `json:"snippet,omitempty"`
}
