package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/image"
)

// mergeGroups finds out the groups that a kubelet takes from the image's /etc/group for a user. It does so also where the
// pod gives the group, too; an engine only where it does not.
func (s *sandbox) mergeGroups(ctx context.Context, facts image.Facts, user string) (err error) {
	if !strings.Contains(user, ":") {
		return nil
	}
	tree, err := s.e.Tree(ctx, facts)
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
	if s.merged == nil {
		s.merged = map[string][]int64{}
	}
	s.merged[groupsKey(facts, user)] = r.Groups
	return nil
}

func groupsKey(facts image.Facts, user string) string { return facts.ID + " " + user }

// podGroups are the groups that a container has since its pod says so, or since a kubelet would find them in its image.
func (c *running) podGroups() []int64 {
	if c.sandbox == nil {
		return nil
	}
	groups := slices.Clone(c.sandbox.pod.Groups)
	if c.profile.Open {
		groups = append(groups, c.sandbox.merged[groupsKey(c.facts, c.target.User)]...)
	}
	return groups
}
