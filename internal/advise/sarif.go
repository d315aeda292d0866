package advise

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/podseal/podseal/internal/advise/dockerfile"
	"github.com/podseal/podseal/internal/safetext"
)

// sarifRules are the rules that a Dockerfile can break, each with its level.
var sarifRules = []struct{ id, level, text string }{
	{dockerfile.RuleRoot, "error", "The image runs as root"},
	{dockerfile.RuleDrops, "note", "The image starts as root, and its entrypoint drops it"},
	{dockerfile.RuleWorkers, "warning", "The image starts as root, and its workers drop it"},
	{dockerfile.RuleMissing, "error", "USER names a user that does not exist"},
	{dockerfile.RuleNamed, "warning", "USER is a name, which a kubelet refuses under runAsNonRoot"},
	{dockerfile.RuleBase, "warning", "The user is not known"},
	{dockerfile.RuleLowPort, "note", "A port below 1024 is exposed"},
	{dockerfile.RuleCaps, "warning", "A program has file capabilities, and does not start without them"},
	{dockerfile.RuleOnbuild, "note", "ONBUILD is run by other builds, as this image's user"},
	{dockerfile.RuleChownLayer, "note", "A chown stores copied files twice"},
}

type object = map[string]any

// SARIF returns the advice on Dockerfiles in the Static Analysis Results Interchange Format 2.1.0.
func (o Outcome) SARIF(version string) ([]byte, error) {
	levels, rules := map[string]string{}, []object{}
	for _, r := range sarifRules {
		levels[r.id] = r.level
		rules = append(rules, object{
			"id": r.id, "shortDescription": object{"text": r.text}, "defaultConfiguration": object{"level": r.level},
		})
	}
	results := []object{}
	for _, d := range o.Dockerfiles {
		for _, f := range d.Findings {
			results = append(results, object{
				"ruleId": f.Rule, "level": levels[f.Rule], "message": object{"text": f.Says},
				"locations": []object{{"physicalLocation": object{
					"artifactLocation": object{"uri": filepath.ToSlash(d.File)}, "region": object{"startLine": f.Line},
				}}},
			})
		}
	}
	log := object{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
		"runs": []object{{
			"tool":    object{"driver": object{"name": "podseal", "version": version, "rules": rules}},
			"results": results,
		}},
	}
	data, err := json.MarshalIndent(log, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing the advice as SARIF: %w", err)
	}
	return append(safetext.JSON(data), '\n'), nil
}
