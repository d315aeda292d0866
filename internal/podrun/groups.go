package podrun

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/profile"
)

// mergeGroups finds the groups that a kubelet takes from the image's /etc/group for a user. A kubelet does so also where
// the pod gives the group; an engine only where it does not.
func (s *sandbox) mergeGroups(ctx context.Context, facts image.Facts, user string) (err error) {
	if !strings.Contains(user, ":") {
		return nil
	}
	tree, err := s.e.client.Tree(ctx, facts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tree.Close(context.WithoutCancel(ctx))) }()
	users, err := image.ReadUsers(ctx, tree)
	if err != nil {
		return err
	}
	r, err := users.Resolve(user)
	if err != nil {
		return fmt.Errorf("finding the groups of the image: %w", err)
	}
	s.merged[groupsKey(facts, user)] = r.Groups
	return nil
}

func groupsKey(facts image.Facts, user string) string { return facts.ID + " " + user }

// groups returns the supplementary groups that the pod gives to a container, its fsGroup included: those of the pod, and
// where the container is not sealed those that a kubelet finds in its image. Without a pod the fsGroup is the profile's.
func (s *sandbox) groups(facts image.Facts, user string, p profile.Profile) []string {
	var ids []int64
	if s != nil {
		ids = slices.Clone(s.pod.Groups)
		if p.Open {
			ids = append(ids, s.merged[groupsKey(facts, user)]...)
		}
	}
	if g := s.fsGroup(p); g != nil {
		ids = append(ids, *g)
	}
	var out []string
	for _, id := range ids {
		out = append(out, fmt.Sprint(id))
	}
	return out
}

// fsGroup returns the group of the pod's volumes. Without a pod it is the profile's.
func (s *sandbox) fsGroup(p profile.Profile) *int64 {
	if s == nil {
		return groupOf(p)
	}
	return s.group
}
