package sealfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/seal"
)

// Floor returns the profile that seals of one image prove together, which a search keeps, and its user. Seals of other images
// or of different users are an error, as is one that needs root. Empty facts are those of any image.
func Floor(merged []Entry, facts image.Facts) (*seal.Floor, plan.UserChoice, error) {
	first := merged[0]
	f := seal.Floor{Profile: first.Profile}
	user := plan.UserChoice{User: first.Profile.User, Why: "the user of " + first.Source()}
	for _, m := range merged {
		if err := m.mergeable(first, facts); err != nil {
			return nil, user, err
		}
		f.Profile = f.Profile.Union(m.Profile)
		f.Reasons = append(f.Reasons, m.reasons(f.Reasons)...)
		for _, x := range m.Exceptions {
			if !slices.ContainsFunc(f.Exceptions, func(have seal.Exception) bool { return have.Setting == x.Setting }) {
				f.Exceptions = append(f.Exceptions, seal.Exception{Setting: x.Setting, Why: x.Why, Fix: x.Fix})
			}
		}
	}
	user.User.Groups = f.Profile.User.Groups
	for _, field := range first.Fields {
		if field.Field == "runAsUser" {
			user.Why = field.Why
		}
	}
	return &f, user, nil
}

// mergeable refuses a seal whose evidence is not about the same image and user.
func (e Entry) mergeable(first Entry, facts image.Facts) error {
	a, b := e.Profile.User, first.Profile.User
	switch {
	case a.UID == 0:
		return fmt.Errorf("%s: the seal needs root, which cannot be merged: let the image run as another user", e.Place())
	case a.UID != b.UID || a.GID != b.GID:
		return fmt.Errorf("%s: the seal is for user %d:%d, but that of %s is for %d:%d: seal both with the same --user", e.Place(), a.UID, a.GID, first.Source(), b.UID, b.GID)
	case e.Image.Digest != "" && bareDigest(facts.Digest) != "" && e.Image.Digest != bareDigest(facts.Digest):
		return fmt.Errorf("%s: the seal is for the image %s, but %s is %s now: seal it again", e.Place(), e.Image.Digest, facts.Ref, bareDigest(facts.Digest))
	case (e.Image.Digest == "" || facts.Digest == "") && e.Image.ID != "" && facts.ID != "" && e.Image.ID != facts.ID:
		return fmt.Errorf("%s: the seal is for the image %s, but %s is %s now: seal it again", e.Place(), e.Image.ID, facts.Ref, facts.ID)
	}
	return nil
}

// reasons returns the reasons for the relaxations of a merged seal, without those that are known. They say which suite needed
// each, and which seal proves it.
func (e Entry) reasons(known []profile.Reason) []profile.Reason {
	var out []profile.Reason
	has := map[string]bool{}
	for _, r := range e.Profile.Relaxations() {
		has[r.ID] = true
	}
	for _, field := range e.Fields {
		r := profile.Reason{Field: field.Field, Why: field.Why, Proof: field.Proof}
		if at, ok := profile.MountOf(field.Field); ok {
			r.Mount = at
		}
		i := slices.IndexFunc(plan.RelaxationsOf(r), func(id string) bool { return has[id] })
		if i < 0 || slices.ContainsFunc(known, func(k profile.Reason) bool { return k.Field == r.Field }) {
			continue
		}
		n := e.need(plan.RelaxationsOf(r)[i])
		by := "needed by the commands of " + n.Proved
		if n.Suite != "" {
			by = fmt.Sprintf("needed by suite %s, proved in %s", n.Suite, n.Proved)
		}
		r.Why = by + ": " + strings.TrimPrefix(r.Why, by+": ") // a seal that merged it says it already
		out = append(out, r)
	}
	return out
}
