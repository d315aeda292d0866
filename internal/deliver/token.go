package deliver

import (
	"cmp"

	"github.com/podseal/podseal/internal/apiuse"
	"github.com/podseal/podseal/internal/manifest"
)

const noAPIUse = "the sealed run had no token and passed, and nothing asked for the API; --keep-token leaves the token"

// keepsToken reports whether a container needs the pod's service account token, and why. The files are all manifests of
// the input: a role binding counts from any of them.
func (o Options) keepsToken(files []*manifest.File, c Container) (why string, keeps bool) {
	if o.KeepToken {
		return "--keep-token was given", true
	}
	sign := cmp.Or(c.Outcome.APIUse, apiuse.InTarget(c.Outcome.Target), apiuse.InPod(c.Pod))
	if sign == "" && c.Pod != nil {
		sign = apiuse.InRoles(files, c.Pod.Namespace)
	}
	return cmp.Or(sign, noAPIUse), sign != ""
}

// manifests returns the files of the inputs that have one.
func manifests(inputs []Input) []*manifest.File {
	var out []*manifest.File
	for _, in := range inputs {
		if in.File != nil {
			out = append(out, in.File)
		}
	}
	return out
}
