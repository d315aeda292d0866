package batch

import "github.com/podseal/podseal/internal/profile"

// Judgement is what the order needs to know of the result for one container.
type Judgement struct {
	// Sealed says that the container can run under Profile while others are sealed.
	Sealed  bool
	Profile profile.Profile
	// NotTestable says that the e2e commands fail on the unsealed pod, so that nothing can be learnt from it.
	NotTestable bool
}

// Seal seals one container of a pod while the containers in sealed run under their profiles.
type Seal[R any] func(name string, sealed map[string]profile.Profile) (R, Judgement, error)

// Pod seals containers of a pod one after the other, in the order of their names, which is that of their starts. The whole
// pod runs in each run, so that the last container's proof is one of all profiles together. A container that could not be
// sealed is tried once more if others were sealed after it: as root, for instance, they may have been in its way.
//
// The results are in the order of the names. They end with the first that is not testable. An error of seal ends the
// order; the results so far are returned with it.
func Pod[R any](names []string, seal Seal[R]) ([]R, error) {
	profiles := map[string]profile.Profile{}
	try := func(name string) (R, bool, error) {
		r, j, err := seal(name, profiles)
		if err == nil && j.Sealed {
			profiles[name] = j.Profile
		}
		return r, j.NotTestable, err
	}
	var out []R
	sealedBefore := map[string]int{} // how many others were sealed when the container was tried
	for _, name := range names {
		sealedBefore[name] = len(profiles)
		r, notTestable, err := try(name)
		if err != nil {
			return out, err
		}
		if out = append(out, r); notTestable {
			return out, nil
		}
	}
	for i, name := range names {
		if _, sealed := profiles[name]; sealed || sealedBefore[name] == len(profiles) {
			continue
		}
		r, _, err := try(name)
		if err != nil {
			return out, err
		}
		out[i] = r
	}
	return out, nil
}
