package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/profile"
)

// allowable are the settings that a seal can fall short in, besides the capabilities.
var allowable = []string{"runAsNonRoot", "readOnlyRootFilesystem", "allowPrivilegeEscalation", "restart"}

// Check refuses settings that no exception has.
func (p Policy) Check() error {
	for _, setting := range p.Allow {
		name, capability := strings.CutPrefix(setting, "capabilities:")
		if !slices.Contains(allowable, setting) && (!capability || !profile.IsCapability(name)) {
			return fmt.Errorf("--allow %s: there is no such exception: use %s or capabilities:NAME, as the report names it",
				setting, strings.Join(allowable, ", "))
		}
	}
	return nil
}
