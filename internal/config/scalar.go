package config

import (
	"path/filepath"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
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

// reader is a value that reads its node itself.
type reader interface {
	read(d *decoder, path string, n *yaml.Node)
}

func (t *Text) read(d *decoder, path string, n *yaml.Node) {
	if s, ok := d.scalar(path, n, "text"); ok {
		*t = Text(s)
	}
}

func (w *Words) read(d *decoder, path string, n *yaml.Node) {
	*w = d.oneOrMore(path, n)
}

func (p *Paths) read(d *decoder, path string, n *yaml.Node) {
	*p = d.oneOrMore(path, n)
}

func (e *Env) read(d *decoder, path string, n *yaml.Node) {
	*e = Env{}
	if n.Kind != yaml.MappingNode { // its text may be a secret
		d.fail(n, "%s must be a mapping: NAME: VALUE", lastStep(path))
		return
	}
	d.mapping(path, n, func(path, name string, key, value *yaml.Node) {
		if name == "" || strings.ContainsAny(name, "= \t\n\r\x00") {
			d.fail(key, "%q is not the name of a variable: it holds no space and no =", name)
			return
		}
		if value.Kind == yaml.ScalarNode && value.ShortTag() == "!!null" {
			(*e)[name] = nil
			return
		}
		if s, ok := d.scalar(path, value, "text"); ok {
			(*e)[name] = &s
		}
	})
}

func (t *Duration) read(d *decoder, path string, n *yaml.Node) {
	s, ok := d.scalar(path, n, "duration like 30s or 5m")
	if !ok {
		return
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		d.fail(n, "%s is %q, but must be a duration like 30s or 5m", lastStep(path), s)
		return
	}
	*t = Duration(v)
}

func (t *Date) read(d *decoder, path string, n *yaml.Node) {
	s, ok := d.scalar(path, n, "day like 2026-12-31")
	if !ok {
		return
	}
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		d.fail(n, "%s is %q, but must be a day like 2026-12-31", lastStep(path), s)
		return
	}
	*t = Date(s)
}

// Before reports whether the day has passed at a time, in the time's zone. No day never passes.
func (t Date) Before(now time.Time) bool {
	return t != "" && string(t) < now.Format(time.DateOnly)
}

func (x *Need) read(d *decoder, path string, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		x.Name, _ = d.scalar(path, n, "name of a service or a target, or a mapping with compose")
		return
	}
	type fields Need
	d.decode(path, n, (*fields)(x))
}

func (c *Command) read(d *decoder, path string, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		c.Line, _ = d.scalar(path, n, "shell line, or a mapping with exec or suite")
		return
	}
	type fields Command
	d.decode(path, n, (*fields)(c))
}

func (s *Step) read(d *decoder, path string, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		s.Line, _ = d.scalar(path, n, "shell line, or a mapping with exec")
		return
	}
	type fields Step
	d.decode(path, n, (*fields)(s))
}

// Join returns a path of the file as the working directory sees it.
func (f *File) Join(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(f.Folder(), path)
}
