package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Resolve returns the target of an index with the defaults in place of what it does not set, and its name in place of
// {name}.
func (f *File) Resolve(i int) Target {
	t, d := f.Targets[i], f.Defaults
	own := func(key string) bool { return f.has(fmt.Sprintf("targets[%d].%s", i, key)) }
	t.Common = t.over(d.Common)
	if len(t.Needs) == 0 { // needs run on a separate network
		t.Network = cmp.Or(t.Network, d.Network)
	}
	t.Timeout, t.StopTimeout = cmp.Or(t.Timeout, d.Timeout), cmp.Or(t.StopTimeout, d.StopTimeout)
	if !own("soak") {
		t.Soak = d.Soak
	}
	if !own("strict") {
		t.Strict = d.Strict
	}
	t.Accept = slices.Clone(t.Accept)
	for _, a := range d.Accept {
		if !slices.ContainsFunc(t.Accept, func(own Acceptance) bool { return own.Setting == a.Setting }) {
			t.Accept = append(t.Accept, a)
		}
	}
	if own("outputs.inPlace") {
		d.Outputs.InPlace = false
	}
	t.Outputs = t.Outputs.over(d.Outputs).named(t.Name)
	return t
}

// over returns what a container sets itself, and defaults for the rest. Defaults for readiness count only where the
// container has no condition.
func (c Common) over(d Common) Common {
	env := maps.Clone(d.Env)
	if env == nil {
		env = Env{}
	}
	maps.Copy(env, c.Env)
	ready := c.Ready
	if !ready.given() {
		ready = d.Ready
	}
	ready.Timeout = cmp.Or(c.Ready.Timeout, d.Ready.Timeout)
	return Common{
		Platform: cmp.Or(c.Platform, d.Platform), Env: env, EnvFiles: slices.Concat(d.EnvFiles, c.EnvFiles), Ready: ready,
	}
}

// over returns the outputs of a target, and defaults for the rest. A target that is written in place has no default file, and
// one that names a file is not written in place by default.
func (o Outputs) over(d Outputs) Outputs {
	switch {
	case o.InPlace:
		d.Manifest, d.Format = "", ""
	case o.Manifest != "":
		d.InPlace = false
	}
	return Outputs{
		Manifest: cmp.Or(o.Manifest, d.Manifest), Format: cmp.Or(o.Format, d.Format), InPlace: o.InPlace || d.InPlace,
		KeepToken: o.KeepToken || d.KeepToken, Egress: o.Egress || d.Egress,
		NetworkPolicy: cmp.Or(o.NetworkPolicy, d.NetworkPolicy), PodSecurity: cmp.Or(o.PodSecurity, d.PodSecurity),
		Seal: cmp.Or(o.Seal, d.Seal),
	}
}

// Variables returns the environment as NAME=VALUE, or NAME for the value of this machine, sorted by name.
func (e Env) Variables() []string {
	var out []string
	for _, name := range slices.SortedFunc(maps.Keys(e), strings.Compare) {
		if v := e[name]; v != nil {
			name += "=" + *v
		}
		out = append(out, name)
	}
	return out
}
