package config

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/strictyaml"
	"github.com/podseal/podseal/internal/target"
)

func (c *checker) runtime(at string, r Runtime) {
	for i, p := range r.Ports {
		if p < 1 || p > 65535 {
			c.fail(fmt.Sprintf("%s.ports[%d]", at, i), "%d is not a port: a port is between 1 and 65535", p)
		}
	}
	if c.has(at+".user") && !target.ValidUser(string(r.User)) {
		c.fail(at+".user", "user is %q, but must be UID, UID:GID or a name of the image's /etc/passwd", r.User)
	}
	if r.Workdir != "" && !path.IsAbs(r.Workdir) {
		c.fail(at+".workdir", "workdir is %q, but must be an absolute path in the container", r.Workdir)
	}
	if c.has(at+".entrypoint") && strings.Join(r.Entrypoint, "") == "" {
		c.fail(at+".entrypoint", "entrypoint is empty")
	}
	c.common(at, r.Common)
}

func (c *checker) common(at string, r Common) {
	if r.Ready.HTTP != "" && !strings.HasPrefix(r.Ready.HTTP, "/") {
		c.fail(at+".ready.http", "http is %q, but must be a path that starts with /: the host and the first port are known", r.Ready.HTTP)
	}
	_, err := regexp.Compile(r.Ready.Log)
	if bad := new(syntax.Error); errors.As(err, &bad) {
		c.fail(at+".ready.log", "log is not a regular expression: %s at %q", bad.Code, bad.Expr)
	}
	c.positive(at+".ready.timeout", r.Ready.Timeout)
	for i, name := range r.EnvFiles {
		if name == "" {
			c.fail(fmt.Sprintf("%s.envFiles[%d]", at, i), "the name of the file is empty")
		}
	}
}

// positive refuses a limit of no time.
func (c *checker) positive(at string, d Duration) {
	if c.has(at) && d == 0 {
		c.fail(at, "%s is 0, but must be a duration above 0, like 30s", strictyaml.LastStep(at))
	}
}

func (c *checker) settings(at string, s Settings) {
	if c.has(at+".network") && !target.ValidNetwork(s.Network) {
		c.fail(at+".network", "network is %q, but must be a network of the engine, host, none or container:NAME", s.Network)
	}
	c.positive(at+".timeout", s.Timeout)
	c.positive(at+".stopTimeout", s.StopTimeout)
	for i, a := range s.Accept {
		path := fmt.Sprintf("%s.accept[%d]", at, i)
		if a.Setting == "" {
			c.fail(path, "the exception has no setting: write the one that the report names, for example setting: runAsNonRoot")
		}
		if strings.TrimSpace(a.Reason) == "" {
			c.fail(path, "the exception has no reason: write why it is accepted")
		}
	}
	if f := s.Outputs.Format; c.has(at+".outputs.format") && !slices.Contains(Formats(), f) {
		c.fail(at+".outputs.format", "format is %q, but must be one of %s", f, strings.Join(Formats(), ", "))
	}
}
