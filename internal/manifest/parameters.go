package manifest

import (
	"fmt"
	"regexp"
	"strings"
)

// parameters are the values that a controller puts into the texts of containers.
type parameters struct {
	pattern *regexp.Regexp // of a reference; its first group is the name
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

// give gives a reference the value of the user.
func (p *parameters) give(reference, name, value string) {
	p.values[reference], p.given[reference] = value, name
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
	if i := strings.LastIndex(p.missing, "param"); i >= 0 {
		if _, name, ok := strings.Cut(p.missing[i:], "."); ok && !strings.ContainsAny(name, " .[(") {
			return fmt.Errorf("nothing gives %s a value (--param %s=VALUE does)", p.missing, name)
		}
	}
	return fmt.Errorf("nothing in the object gives %s a value", p.missing)
}
