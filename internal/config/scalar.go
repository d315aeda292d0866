package config

import (
	"path/filepath"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/podseal/podseal/internal/strictyaml"
)

// Text is a text that YAML may take for a number: a user like 1000.
type Text string

// Words are a program with arguments: one text, or a list.
type Words []string

// Paths are files or folders: one text, or a list.
type Paths []string

// Env are environment variables by name. The value of a nil one is that of this machine.
type Env map[string]*string

// Duration is a time span as Go writes it: 30s, 5m, 1h30m.
type Duration time.Duration

// Date is a day, YYYY-MM-DD; empty for none.
type Date string

// UnmarshalNode implements strictyaml.Unmarshaler.
func (t *Text) UnmarshalNode(d *strictyaml.Decoder, path string, n *yaml.Node) {
	if s, ok := d.Scalar(path, n, "text"); ok {
		*t = Text(s)
	}
}

// UnmarshalNode implements strictyaml.Unmarshaler.
func (w *Words) UnmarshalNode(d *strictyaml.Decoder, path string, n *yaml.Node) {
	*w = d.OneOrMore(path, n)
}

// UnmarshalNode implements strictyaml.Unmarshaler.
func (p *Paths) UnmarshalNode(d *strictyaml.Decoder, path string, n *yaml.Node) {
	*p = d.OneOrMore(path, n)
}

// UnmarshalNode implements strictyaml.Unmarshaler.
func (e *Env) UnmarshalNode(d *strictyaml.Decoder, path string, n *yaml.Node) {
	*e = Env{}
	if n.Kind != yaml.MappingNode { // its text may be a secret
		d.Fail(n, "%s must be a mapping: NAME: VALUE", strictyaml.LastStep(path))
		return
	}
	d.Mapping(path, n, func(path, name string, key, value *yaml.Node) {
		if name == "" || strings.ContainsAny(name, "= \t\n\r\x00") {
			d.Fail(key, "%q is not the name of a variable: it holds no space and no =", name)
			return
		}
		if value.Kind == yaml.ScalarNode && value.ShortTag() == "!!null" {
			(*e)[name] = nil
			return
		}
		if s, ok := d.Scalar(path, value, "text"); ok {
			(*e)[name] = &s
		}
	})
}

// UnmarshalNode implements strictyaml.Unmarshaler.
func (t *Duration) UnmarshalNode(d *strictyaml.Decoder, path string, n *yaml.Node) {
	s, ok := d.Scalar(path, n, "duration like 30s or 5m")
	if !ok {
		return
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		d.Fail(n, "%s is %q, but must be a duration like 30s or 5m", strictyaml.LastStep(path), s)
		return
	}
	*t = Duration(v)
}

// UnmarshalNode implements strictyaml.Unmarshaler.
func (t *Date) UnmarshalNode(d *strictyaml.Decoder, path string, n *yaml.Node) {
	s, ok := d.Scalar(path, n, "day like 2026-12-31")
	if !ok {
		return
	}
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		d.Fail(n, "%s is %q, but must be a day like 2026-12-31", strictyaml.LastStep(path), s)
		return
	}
	*t = Date(s)
}

// Before reports whether the day has passed at a time, in the time's zone. No day never passes.
func (t Date) Before(now time.Time) bool {
	return t != "" && string(t) < now.Format(time.DateOnly)
}

// UnmarshalNode implements strictyaml.Unmarshaler.
func (x *Need) UnmarshalNode(d *strictyaml.Decoder, path string, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		x.Name, _ = d.Scalar(path, n, "name of a service or a target, or a mapping with compose")
		return
	}
	type fields Need
	d.Decode(path, n, (*fields)(x))
}

// UnmarshalNode implements strictyaml.Unmarshaler.
func (c *Command) UnmarshalNode(d *strictyaml.Decoder, path string, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		c.Line, _ = d.Scalar(path, n, "shell line, or a mapping with exec or suite")
		return
	}
	type fields Command
	d.Decode(path, n, (*fields)(c))
}

// UnmarshalNode implements strictyaml.Unmarshaler.
func (s *Step) UnmarshalNode(d *strictyaml.Decoder, path string, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		s.Line, _ = d.Scalar(path, n, "shell line, or a mapping with exec")
		return
	}
	type fields Step
	d.Decode(path, n, (*fields)(s))
}

// Join returns a path of the file as the working directory sees it.
func (f *File) Join(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(f.Folder(), path)
}
