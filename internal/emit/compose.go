package emit

import "strings"

// Compose writes sealed containers as services of a Compose file. What a service cannot say is noted.
func Compose(all []Input) (View, error) {
	list, err := services(all)
	if err != nil {
		return View{}, err
	}
	var out View
	var entries object
	for _, s := range list {
		out.Notes = append(out.Notes, s.notes...)
		entries = append(entries, field{s.name, s.compose()})
	}
	out.Text = append([]byte(commented(out.Notes)), document(object{{"services", entries}})...)
	return out, nil
}

func (s *service) compose() object {
	o := object{{"image", interpolated(s.image)}}
	for _, f := range []struct{ key, value string }{{"platform", s.platform}, {"network_mode", s.network}, {"working_dir", s.workingDir}} {
		if f.value != "" {
			o = append(o, field{f.key, interpolated(f.value)})
		}
	}
	if s.entrypoint != nil {
		o = append(o, field{"entrypoint", interpolatedList(s.entrypoint)})
	}
	o = appendList(o, "command", interpolatedList(s.args))
	var env object
	for _, v := range s.env {
		value := any(interpolated(v.value))
		if !v.given {
			value = nil // taken from where compose runs
		}
		env = append(env, field{v.name, value})
	}
	if len(env) > 0 {
		o = append(o, field{"environment", env})
	}
	o = append(o, field{"user", s.user()})
	o = appendList(o, "group_add", list(s.groups()))
	if !s.profile.WritableRoot {
		o = append(o, field{"read_only", true})
	}
	o = appendList(o, "tmpfs", s.composeTmpfs())
	o = appendList(o, "volumes", s.composeVolumes())
	o = append(o, field{"cap_drop", []any{"ALL"}})
	o = appendList(o, "cap_add", list(s.profile.AddCapabilities))
	if !s.profile.AllowPrivilegeEscalation {
		o = append(o, field{"security_opt", []any{"no-new-privileges:true"}})
	}
	if !s.hostNetwork() {
		values := object{{lowPortsSysctl, s.lowPortsValue()}}
		if s.profile.Ping {
			values = append(values, field{pingSysctl, pingGroups})
		}
		o = append(o, field{"sysctls", values})
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

// composeVolumes are anonymous volumes, into which the engine copies what the image has there.
func (s *service) composeVolumes() []any {
	var out []any
	for _, at := range s.copied {
		out = append(out, object{{"type", "volume"}, {"target", interpolated(at)}})
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
