package pod

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/target"
)

// environment holds the variables that a container gets in addition to those of its image, each name once.
type environment struct {
	vars    []target.EnvVar
	at      map[string]int
	secrets []string // values that come from Secrets
}

func (e *environment) set(name, value string) {
	if i, ok := e.at[name]; ok {
		e.vars[i].Value = value
		return
	}
	if e.at == nil {
		e.at = map[string]int{}
	}
	e.at[name] = len(e.vars)
	e.vars = append(e.vars, target.EnvVar{Name: name, Value: value})
}

func (e *environment) get(name string) (string, bool) {
	i, ok := e.at[name]
	if !ok {
		return "", false
	}
	return e.vars[i].Value, true
}

// conceal notes the value of a Secret, longer ones first: a short one may be a part of a longer one. One or two
// characters hide nothing, and would be found everywhere.
func (e *environment) conceal(kind, value string) {
	if kind == "Secret" && len(value) > 2 && !slices.Contains(e.secrets, value) {
		e.secrets = append(e.secrets, value)
		slices.SortFunc(e.secrets, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	}
}

// expandAll replaces the variables of a command or its arguments; nil stays nil, and so does an empty list, which means
// the image's to a kubelet.
func (e *environment) expandAll(words []string) []string {
	var out []string
	for _, w := range words {
		out = append(out, expand(w, e.get))
	}
	return out
}

// expand replaces $(NAME), as a kubelet does: $$ stands for $, so that $$(NAME) is not replaced; what is unknown or not
// closed stays as it is.
func expand(s string, lookup func(string) (string, bool)) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '$' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		end := strings.IndexByte(s[i:], ')')
		switch {
		case s[i+1] == '$':
			b.WriteByte('$')
			i++
		case s[i+1] == '(' && end != -1:
			word := s[i : i+end+1]
			if v, ok := lookup(word[2:end]); ok {
				word = v
			}
			b.WriteString(word)
			i += end
		default:
			b.WriteByte('$')
		}
	}
	return b.String()
}

// envReader reads the variables of containers.
type envReader struct{ *source }

// environment reads envFrom and env in a kubelet's order: a later variable wins, and may refer to earlier ones.
func (r envReader) environment(c manifest.Container) (*environment, error) {
	e := &environment{}
	r.knativeEnv(c, e)
	for i, from := range c.EnvFrom {
		if err := r.envFrom(c, i, from, e); err != nil {
			return nil, err
		}
	}
	for i, v := range c.Env {
		if v.Name == "" {
			return nil, r.fail(c, []any{"env", i}, "a variable of container %s without a name", memberName(c))
		}
		if given, ok := r.given(v.Name); ok {
			e.set(v.Name, given)
			continue
		}
		value, ok := v.Value, true
		if value == "" && v.ValueFrom != nil {
			var err error
			if value, ok, err = r.valueFrom(c, i, v); err != nil {
				return nil, err
			}
		} else {
			value = expand(value, e.get)
		}
		if ok {
			e.set(v.Name, value)
		}
		if ok && v.ValueFrom != nil && v.ValueFrom.SecretKeyRef != nil {
			e.conceal("Secret", value)
		}
	}
	for _, v := range r.options.Flags.Env {
		if _, has := e.get(v.Name); has || r.chosen(c) {
			e.set(v.Name, v.Value)
		}
	}
	return e, nil
}

// given returns the value that the user gave for a variable.
func (r *source) given(name string) (string, bool) {
	env := r.options.Flags.Env
	for i := len(env) - 1; i >= 0; i-- {
		if env[i].Name == name {
			return env[i].Value, true
		}
	}
	return "", false
}

// envFrom adds all variables of a ConfigMap or Secret.
func (r envReader) envFrom(c manifest.Container, i int, from corev1.EnvFromSource, e *environment) error {
	var kind, name string
	var optional bool
	switch {
	case from.ConfigMapRef != nil:
		kind, name, optional = "ConfigMap", from.ConfigMapRef.Name, isTrue(from.ConfigMapRef.Optional)
	case from.SecretRef != nil:
		kind, name, optional = "Secret", from.SecretRef.Name, isTrue(from.SecretRef.Optional)
	default:
		return r.fail(c, []any{"envFrom", i}, "an entry of envFrom of container %s names neither a ConfigMap nor a Secret", memberName(c))
	}
	data, ok, err := r.objects.data(kind, r.pod.Namespace, name)
	if err != nil || !ok && optional {
		return err
	}
	if !ok && len(r.objects.Seed) > 0 {
		r.noteEmpty(kind, name, "envFrom sets no variables", memberName(c))
		return nil
	}
	if !ok {
		return r.fail(c, []any{"envFrom", i}, "container %s of %s takes its variables from %s %s, which is not in the input: give its file by --with FILE, or use --stand-ins",
			memberName(c), r.pod, kind, name)
	}
	for _, k := range slices.Sorted(maps.Keys(data)) {
		if variable := from.Prefix + k; isVariable(variable) {
			e.set(variable, string(data[k]))
			e.conceal(kind, string(data[k]))
		}
	}
	return nil
}

// isVariable reports whether a kubelet accepts a key as the name of a variable; it leaves out others.
func isVariable(name string) bool {
	return name != "" && strings.IndexFunc(name, func(r rune) bool { return r < ' ' || r > '~' || r == '=' }) < 0
}

// valueFrom returns the value of a variable that the pod takes from elsewhere; ok is false if it remains unset.
func (r envReader) valueFrom(c manifest.Container, i int, v corev1.EnvVar) (value string, ok bool, err error) {
	field := []any{"env", i}
	from := v.ValueFrom
	switch {
	case from.FieldRef != nil:
		value, known := r.field(from.FieldRef.FieldPath)
		if !known {
			return "", false, r.fail(c, field, "variable %s of container %s takes the field %q, which no variable can have", v.Name, memberName(c), from.FieldRef.FieldPath)
		}
		return value, true, nil
	case from.ResourceFieldRef != nil:
		value, err := r.resource(*from.ResourceFieldRef, c)
		if err != nil {
			return "", false, r.fail(c, field, "variable %s of container %s: %v", v.Name, memberName(c), err)
		}
		return value, true, nil
	case from.ConfigMapKeyRef != nil:
		k := from.ConfigMapKeyRef
		return r.keyOf(c, i, v.Name, "ConfigMap", k.Name, k.Key, isTrue(k.Optional))
	case from.SecretKeyRef != nil:
		k := from.SecretKeyRef
		return r.keyOf(c, i, v.Name, "Secret", k.Name, k.Key, isTrue(k.Optional))
	}
	return "", false, r.fail(c, field, "variable %s of container %s takes its value from where podseal cannot: give it by --env %s=VALUE", v.Name, memberName(c), v.Name)
}

// keyOf returns the value of one key of a ConfigMap or Secret.
func (r envReader) keyOf(c manifest.Container, i int, variable, kind, name, key string, optional bool) (value string, ok bool, err error) {
	data, found, err := r.objects.data(kind, r.pod.Namespace, name)
	if err != nil {
		return "", false, err
	}
	content, has := data[key]
	switch {
	case has:
		return string(content), true, nil
	case optional:
		return "", false, nil
	case found:
		return "", false, r.fail(c, []any{"env", i}, "container %s of %s takes %s from the key %q of %s %s, which has no such key: add it, or give the value by --env %s=VALUE",
			memberName(c), r.pod, variable, key, kind, name, variable)
	}
	if random, ok := r.objects.standInFor(kind, r.pod.Namespace, name, key); ok {
		r.noteStandIn(kind, name, key, memberName(c))
		return string(random), true, nil
	}
	return "", false, r.fail(c, []any{"env", i}, "container %s of %s takes %s from %s %s, which is not in the input: give its file by --with FILE, or the value by --env %s=VALUE, or use --stand-ins",
		memberName(c), r.pod, variable, kind, name, variable)
}

// knativePort is where Knative sends requests to a container that names no port.
const knativePort = 8080

// knativeEnv sets what Knative sets in the container that serves.
func (r envReader) knativeEnv(c manifest.Container, e *environment) {
	if !r.pod.Knative() || c.Init || len(r.pod.Spec.Containers) > 1 && len(c.Ports) == 0 {
		return
	}
	port := knativePort
	if len(c.Ports) > 0 {
		port = int(c.Ports[0].ContainerPort)
	}
	e.set("PORT", strconv.Itoa(port))
	e.set("K_SERVICE", r.pod.Name)
	e.set("K_CONFIGURATION", r.pod.Name)
	e.set("K_REVISION", r.pod.Name+"-00001")
}

func isTrue(b *bool) bool { return b != nil && *b }
