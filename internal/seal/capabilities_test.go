package seal

import (
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/observe/observetest"
	"github.com/podseal/podseal/internal/plan"
)

// TestLikelyCapabilities: what root did in the open run, and what the failed run was refused, name the capabilities to try.
func TestLikelyCapabilities(t *testing.T) {
	tree, err := image.ParseMemTree("d 0755 5:5 /srv/own\nd 0757 5:5 /srv/world\nd 0775 5:0 /srv/group\nd 0755 5:0 /srv/closed\nd 0775 5:5 /srv/shared\nd 0755 0:0 /srv/root\nf 0644 5:5 /srv/root/file\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, open, failed, want string }{
		{"nothing", "", "log hello", ""},
		{"chown", "chown /srv/root/file start by app 0:0", "", "CHOWN"},
		{"chown of another user", "chown /srv/root/file start by app 5:5", "", ""},
		{"chown that was refused", "chown /srv/root/file start denied EPERM by app 0:0", "", ""},
		{"mknod", "mknod /srv/root/x start by app 0:0", "", "MKNOD"},
		{"a file of another user", "open /srv/root/file start by app 0:0", "", "DAC_OVERRIDE"},
		{"a new file in a folder of another user", "open /srv/own/x start by app 0:0", "", "DAC_OVERRIDE"},
		{"a removal from a folder of another user", "unlink /srv/own/x start by app 0:0", "", "DAC_OVERRIDE"},
		{"a removal of a file of another user", "unlink /srv/root/file start by app 0:0", "", ""},
		{"a folder for everybody", "open /srv/world/x start by app 0:0", "", ""},
		{"a folder for root's group", "open /srv/group/x start by app 0:0", "", ""},
		{"a folder that root's group cannot write", "open /srv/closed/x start by app 0:0", "", "DAC_OVERRIDE"},
		{"a folder for another group", "open /srv/shared/x start by app 0:0", "", "DAC_OVERRIDE"},
		{"a folder of root", "open /srv/root/x start by app 0:0", "", ""},
		{"a new file in a new folder", "open /opt/new/x start by app 0:0", "", ""},
		{"first foreign, then not", "open /srv/own/x start by app 0:0\nopen /srv/root/x start by app 0:0", "", "DAC_OVERRIDE"},
		{"a process of another user", "process 5:5 worker", "", "SETGID SETUID"},
		{"a process of root", "process 0:0 worker", "", ""},
		{"words of a refusal", "", "log setgid(5) failed (1: Operation not permitted)", "SETGID SETUID"},
		{"words of another refusal", "", "log chroot: cannot change root directory", "SYS_CHROOT"},
		{"words of no refusal", "", "log chroot done", ""},
	} {
		open, err1 := observetest.Parse(c.open)
		failed, err2 := observetest.Parse(c.failed)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		k := knowledge{in: plan.Input{Tree: tree, Facts: image.Facts{Config: &v1.ConfigFile{}}}, open: open}
		got, err := k.likelyCapabilities(t.Context(), failed)
		if s := strings.Join(got, " "); err != nil || s != c.want {
			t.Errorf("%s: %q (%v), want %q", c.name, s, err, c.want)
		}
	}
}

// TestStartsAsRoot: the target's user counts more than the image's.
func TestStartsAsRoot(t *testing.T) {
	for _, c := range []struct {
		image, target string
		want          bool
	}{{"", "", true}, {"5", "", false}, {"5", "0", true}, {"0", "5", false}, {"ghost", "", false}} {
		k := knowledge{in: plan.Input{Facts: image.Facts{Config: &v1.ConfigFile{}}}, open: observe.Observation{}}
		k.in.Facts.Config.Config.User, k.in.Target.User = c.image, c.target
		if got := k.startsAsRoot(); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
