package manifest

import (
	"strings"

	"github.com/podseal/podseal/internal/yamledit"
)

// StepsInObject returns the path from the object to the pod's spec.
func (p *Pod) StepsInObject() []yamledit.Step {
	steps, _ := yamledit.ParsePath(strings.TrimPrefix(p.Path, p.Within)) // it was parsed before
	return steps
}

// Steps returns the path from the document to the pod's spec.
func (p *Pod) Steps() []yamledit.Step {
	steps, _ := yamledit.ParsePath(p.Path) // it was parsed before
	return steps
}
