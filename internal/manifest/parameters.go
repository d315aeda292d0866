package manifest

import (
	"fmt"
	"regexp"
	"strings"
)

// parameters are the values that a controller puts into the texts of containers.
type parameters struct {
	pattern *regexp.Regexp // of a reference; its first group is the name
	forms   []string       // of the references that the user can give a value, with %s for the name
	values  map[string]string
	missing string // the first name that has no value

	given map[string]string // the names that the user gives values, by the references to them
	used  map[string]bool   // those of given that were replaced
}

// set gives a name its value. References to earlier names are replaced. A value that is no single text is left out.
func (p *parameters) set(name string, value any) {
	switch value.(type) {
	case nil, map[string]any, []any:
		return
	}
	text := fmt.Sprint(value)
	inner := &parameters{pattern: p.pattern, values: p.values}
	if text = inner.expand(text); inner.missing == "" {
		p.values[name] = text
	}
}

// give gives names the values of the user, in all forms of a reference.
func (p *parameters) give(values map[string]string) {
	for name, value := range values {
		for _, form := range p.forms {
			reference := fmt.Sprintf(form, name)
			p.values[reference], p.given[reference] = value, name
		}
	}
}

// setDefault gives a name its value unless it has one.
func (p *parameters) setDefault(name string, value any) {
	if _, ok := p.values[name]; !ok {
		p.set(name, value)
	}
}

// expand replaces the references of a text.
func (p *parameters) expand(text string) string {
	return p.pattern.ReplaceAllStringFunc(text, func(ref string) string {
		name := strings.TrimSpace(p.pattern.FindStringSubmatch(ref)[1])
		value, ok := p.values[name]
		if given, is := p.given[name]; is {
			p.used[given] = true
		}
		if !ok && p.missing == "" {
			p.missing = name
		}
		return value
	})
}

// expandAll returns a plain value with the references of all its texts replaced.
func (p *parameters) expandAll(v any) any {
	switch v := v.(type) {
	case string:
		return p.expand(v)
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = p.expandAll(item)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, item := range v {
			out[key] = p.expandAll(item)
		}
		return out
	}
	return v
}

// err says which reference had no value.
func (p *parameters) err() error {
	if p.missing == "" {
		return nil
	}
	for _, form := range p.forms {
		before, after, _ := strings.Cut(form, "%s")
		if name := strings.TrimSuffix(strings.TrimPrefix(p.missing, before), after); fmt.Sprintf(form, name) == p.missing {
			return fmt.Errorf("nothing gives %s a value (--param %s=VALUE does)", p.missing, name)
		}
	}
	return fmt.Errorf("nothing in the object gives %s a value", p.missing)
}
