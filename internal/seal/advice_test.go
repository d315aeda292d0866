package seal_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/target"
)

const rootApp = `
-- image --
-- /etc/passwd --
root:x:0:0::/root:/bin/sh
-- app --
start if-root worker 33:33 httpd
`

// sealWith seals an application that starts as root.
func sealWith(t *testing.T, change func(*seal.Options)) (res seal.Result, err error) {
	t.Helper()
	e, tgt, opts := parseCase(t, txtar.Parse([]byte(rootApp)))
	change(&opts)
	synctest.Test(t, func(*testing.T) { res, err = seal.Run(context.Background(), e, tgt, opts) })
	if e.Alive() != 0 {
		t.Errorf("%d containers or trees are left", e.Alive())
	}
	return res, err
}

// TestAdvice: what the image's files say is evidence for the user, and is in the result.
func TestAdvice(t *testing.T) {
	said := &seal.Advice{Model: "root", Users: []plan.UserChoice{{User: profile.User{UID: 33, GID: 33}, Why: "/etc/httpd.conf:1 names it"}}}
	res, err := sealWith(t, func(o *seal.Options) {
		o.Advise = func(ctx context.Context, _ target.Target, _ image.Facts, tree image.Tree) (*seal.Advice, error) {
			_, err := tree.ReadFile(ctx, "/etc/passwd")
			return said, err
		}
	})
	if err != nil || res.Verdict != seal.Sealed || res.Advice != said || !strings.HasSuffix(res.Reasons[0].Why, "; /etc/httpd.conf:1 names it") {
		t.Errorf("%v %+v", err, res)
	}
	broken := errors.New("no tree")
	if _, err := sealWith(t, func(o *seal.Options) {
		o.Advise = func(context.Context, target.Target, image.Facts, image.Tree) (*seal.Advice, error) {
			return nil, broken
		}
	}); !errors.Is(err, broken) {
		t.Errorf("an error of the engine while reading: %v", err)
	}
}

// TestOnlyUser: the user that is given is the only one that is tried.
func TestOnlyUser(t *testing.T) {
	u := plan.UserChoice{User: profile.User{UID: 4242, GID: 7}, Why: "uid 4242 is what was asked for"}
	res, err := sealWith(t, func(o *seal.Options) { o.User = &u })
	if err != nil || res.Verdict != seal.Sealed || res.Profile.User.UID != 4242 || res.Profile.User.GID != 7 || res.Reasons[0].Why != u.Why {
		t.Errorf("%v %+v", err, res)
	}
}

// TestOnlyUserFails: no other user is tried in place of the one that is given, although one may read what was refused.
func TestOnlyUserFails(t *testing.T) {
	a := txtar.Parse([]byte("-- image --\nf 0755 0:0 /bin/sh\nf 0600 700:700 /etc/key\n-- app --\nstart read /etc/key\n"))
	e, tgt, opts := parseCase(t, a)
	opts.User = &plan.UserChoice{User: profile.User{UID: 4242, GID: 7}, Why: "uid 4242 is what was asked for"}
	synctest.Test(t, func(t *testing.T) {
		res, err := seal.Run(context.Background(), e, tgt, opts)
		if err != nil || res.Verdict == seal.Sealed {
			t.Fatal(err, res.Verdict)
		}
		for _, r := range res.Rounds {
			if uid := r.Profile.User.UID; uid != 4242 && uid != 0 {
				t.Errorf("%s is of uid %d", r.Name, uid)
			}
		}
	})
}
