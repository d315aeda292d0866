package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/podrun"
)

// checkUserName refuses a user or group name that the image does not have. Ids need no account.
func checkUserName(ctx context.Context, engine *podrun.Engine, facts image.Facts, user string) (err error) {
	if user == "" || numericUser(user) {
		return nil
	}
	tree, err := engine.Tree(ctx, facts)
	if err != nil {
		return fmt.Errorf("reading its accounts: %w", err)
	}
	defer func() { err = errors.Join(err, tree.Close(ctx)) }()
	users, err := image.ReadUsers(ctx, tree)
	if err != nil {
		return fmt.Errorf("reading its accounts: %w", err)
	}
	if _, err := users.Resolve(user); err != nil {
		return fmt.Errorf("--user %s: %w", user, err)
	}
	return nil
}
