package input

import (
	"fmt"
	"regexp"
	"strings"
)

// kustomizeSteps are the steps that messages of the kustomize library list before and behind the reason, and its words for
// what a name does not have.
var kustomizeSteps = regexp.MustCompile(strings.Join([]string{
	`accumulation err='accumulating resources from '[^']*': '[^']*' must resolve to a file': (?:(?:recursed accumulation of path|couldn't make target for path) '[^']*': )?`,
	`accumulating resources: `, `accumulation err='`, `': must build at directory: .*$`,
	"trouble configuring builtin \\w+ with config: `[^`]*`: ", `: no matches for Id .*$`,
	`json: `, `yaml: `, `evalsymlink failure on `, `\.\[no(?:Grp|Ver|Ns)\]`, `/\[noName\]`,
}, "|"))

// kustomizeError words an error of the kustomize library by its reason.
func kustomizeError(folder string, err error) error {
	text := strings.NewReplacer("MalformedYAMLError: ", "not YAML: ",
		"must specify --enable-helm", "it renders a Helm chart: pipe kustomize build --enable-helm into podseal run -f -").Replace(err.Error())
	return fmt.Errorf("building the kustomization %s: %s", folder, kustomizeSteps.ReplaceAllString(text, ""))
}
