package main

import (
	"strings"

	"github.com/podseal/podseal/internal/profile"
)

// allowable are the settings that a seal can fall short in, besides the capabilities.
var allowable = []string{"runAsNonRoot", "readOnlyRootFilesystem", "allowPrivilegeEscalation", "restart"}

// checkAllow refuses words that no exception has.
func checkAllow(words []string) error {
	for _, word := range words {
		name, capability := strings.CutPrefix(word, "capabilities:")
		known := capability && profile.IsCapability(name)
		for _, a := range allowable {
			known = known || word == a
		}
		if !known {
			return badInput("--allow %s: there is no such exception: use %s or capabilities:NAME, as the report names it",
				word, strings.Join(allowable, ", "))
		}
	}
	return nil
}
