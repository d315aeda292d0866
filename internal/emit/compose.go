package emit

import (
	"strings"

	"github.com/podseal/podseal/internal/podspec"
	"github.com/podseal/podseal/internal/tree"
	"github.com/podseal/podseal/internal/yamledit"
)

// Compose writes sealed containers as services of a Compose file. A setting that a service cannot have is noted.
func Compose(all []Input) (View, error) {
	list, err := services(all)
	if err != nil {
		return View{}, err
	}
	var out View
	var entries tree.Object
	for _, s := range list {
		out.Notes = append(out.Notes, s.notes...)
		entries = append(entries, tree.Field{Key: s.name, Value: s.compose()})
	}
	out.Text = append([]byte(commented(out.Notes)), yamledit.Text(tree.Object{{Key: "services", Value: entries}})...)
	return out, nil
}

func (s *service) compose() tree.Object {
	o := tree.Object{{Key: "image", Value: interpolated(s.image)}}
	for _, f := range []struct{ key, value string }{{"platform", s.platform}, {"network_mode", s.network}, {"working_dir", s.workingDir}} {
		if f.value != "" {
			o = append(o, tree.Field{Key: f.key, Value: interpolated(f.value)})
		}
	}
	if s.entrypoint != nil {
		o = append(o, tree.Field{Key: "entrypoint", Value: interpolatedList(s.entrypoint)})
	}
	o = o.AppendList("command", interpolatedList(s.args))
	var env tree.Object
	for _, v := range s.env {
		value := any(interpolated(v.value))
		if !v.given {
			value = nil // taken from where compose runs
		}
		env = append(env, tree.Field{Key: v.name, Value: value})
	}
	if len(env) > 0 {
		o = append(o, tree.Field{Key: "environment", Value: env})
	}
	o = append(o, tree.Field{Key: "user", Value: s.user()})
	o = o.AppendList("group_add", tree.List(s.groups()))
	if !s.profile.WritableRoot {
		o = append(o, tree.Field{Key: "read_only", Value: true})
	}
	o = o.AppendList("tmpfs", s.composeTmpfs())
	o = o.AppendList("volumes", s.composeVolumes())
	o = append(o, tree.Field{Key: "cap_drop", Value: []any{"ALL"}})
	o = o.AppendList("cap_add", tree.List(s.profile.AddCapabilities))
	if !s.profile.AllowPrivilegeEscalation {
		o = append(o, tree.Field{Key: "security_opt", Value: []any{"no-new-privileges:true"}})
	}
	if !s.hostNetwork() {
		values := tree.Object{{Key: podspec.LowPortsSysctl, Value: s.lowPortsValue()}}
		if s.profile.Ping {
			values = append(values, tree.Field{Key: podspec.PingSysctl, Value: podspec.PingGroups})
		}
		o = append(o, tree.Field{Key: "sysctls", Value: values})
	}
	return o
}

func (s *service) composeTmpfs() []any {
	var out []any
	for _, f := range s.tmpfs {
		out = append(out, interpolated(f.path+":"+f.options))
	}
	return out
}

// composeVolumes returns anonymous volumes, into which the engine copies what the image has there.
func (s *service) composeVolumes() []any {
	var out []any
	for _, at := range s.copied {
		out = append(out, tree.Object{{Key: "type", Value: "volume"}, {Key: "target", Value: interpolated(at)}})
	}
	return out
}

// interpolated protects a value from the variables that Compose puts in.
func interpolated(s string) string { return strings.ReplaceAll(s, "$", "$$") }

func interpolatedList(words []string) []any {
	out := make([]any, len(words))
	for i, w := range words {
		out[i] = interpolated(w)
	}
	return out
}
