package podspec

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/podseal/podseal/internal/profile"
)

// The command of an init container is protected from expansion, too: a path may look like a variable.
func TestSeedCommandIsLiteral(t *testing.T) {
	m := profile.Mount{Path: "/srv/$(HOME)", Kind: profile.Seeded}
	seed, err := Seeding{AppImage: "app"}.container(m, "v", "", Names{})
	if err != nil {
		t.Fatal(err)
	}
	command, _ := seed.Get("command").([]any)
	got := fmt.Sprint(command...)
	if !strings.Contains(got, "cp -a $o '/srv/$$(HOME)/.' /seed/.t/") {
		t.Error(got)
	}
}

// An init container of an earlier seal is known by its name and by where it mounts the volume.
func TestIsSeed(t *testing.T) {
	for _, c := range []struct {
		name, mount string
		want        bool
	}{{"seed-a", "/seed", true}, {"seed-a", "/podseal-seed", true}, {"seed-a", "/data", false}, {"wait", "/seed", false}} {
		in := corev1.Container{Name: c.name, VolumeMounts: []corev1.VolumeMount{{MountPath: "/other"}, {MountPath: c.mount}}}
		if got := IsSeed(in); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	pod := Pod{Containers: []Container{{Seed: true}}}
	if _, ok := pod.seedOf(profile.Mount{Path: "/a", Kind: profile.Owned}, ""); ok {
		t.Error("an init container without mounts fills one")
	}
}
