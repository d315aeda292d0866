package deliver

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podseal/podseal/internal/emit"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/pod"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

const beforeSeal = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: web
          image: web:1
          ports: [{containerPort: 8080}]
          volumeMounts:
            - name: work # the user's own
              mountPath: /work
        - name: side
          image: side:1
      volumes:
        - name: work
          emptyDir: {}
`

// TestSealedManifestIsReadAsBefore: the reader leaves out what a seal added to a manifest: init containers, the folders
// that they fill, and their user. Sealing it again with the same profile changes nothing.
func TestSealedManifestIsReadAsBefore(t *testing.T) {
	p := profile.Profile{User: profile.User{UID: 101, GID: 101}}
	for _, m := range []profile.Mount{
		{Path: "/etc/web", Kind: profile.Seeded},
		{Path: "/run/web", Kind: profile.Owned},
		{Path: "/tmp", Kind: profile.Plain, Medium: profile.Memory},
		{Path: "/work", Kind: profile.Owned},
	} {
		p = p.WithMount(m)
	}
	read := func(source []byte) (*manifest.File, *pod.Pod) {
		file, err := manifest.Parse("web.yaml", source, "")
		if err != nil {
			t.Fatal(err)
		}
		got, err := pod.Read(file.Pods[0], nil, pod.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return file, got
	}
	splice := func(file *manifest.File) []byte {
		out, _, err := emit.Splice(file, []emit.Edit{{Pod: file.Pods[0], Container: "web", Profile: p}})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	file, first := read([]byte(beforeSeal))
	sealed := splice(file)
	again, second := read(sealed)
	if d := cmp.Diff(string(sealed), string(splice(again))); d != "" {
		t.Errorf("the second seal changes the manifest:\n%s", d)
	}
	if d := cmp.Diff(first.Names(), second.Names()); d != "" {
		t.Errorf("other members:\n%s", d)
	}
	was, is := first.Target("web", nil), second.Target("web", nil)
	if want := []target.VolumeMount{{Volume: "work", Path: "/work", Own: true}}; !cmp.Equal(want, was.Mounts) {
		t.Errorf("at first: %s", cmp.Diff(want, was.Mounts))
	}
	want := []target.VolumeMount{
		{Volume: "run-web", Path: "/run/web", Own: true}, {Volume: "tmp", Path: "/tmp", Own: true}, {Volume: "work", Path: "/work", Own: true},
	}
	if d := cmp.Diff(want, is.Mounts); d != "" {
		t.Errorf("after the seal: %s", d)
	}
	if is.User != was.User {
		t.Errorf("the user is %q, and was %q", is.User, was.User)
	}
}
