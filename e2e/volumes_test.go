//go:build engine

package e2e

import (
	"context"
	"crypto/rand"
	"fmt"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
	corev1 "k8s.io/api/core/v1"
)

// volumes are the emptyDirs of a replayed pod: empty named volumes of the engine whose root folder is 0777 root:root, or
// 1777 in memory, as a kubelet makes them.
type volumes struct {
	t     *testing.T
	names map[string]string // from the pod's volume to the engine's
	subs  map[string]string // from "volume/subPath" to the engine's volume that shows just that folder
}

const helperImage = "podseal-example/debian:bookworm"

func makeVolumes(t *testing.T, specs []corev1.Volume) volumes {
	t.Helper()
	v := volumes{t: t, names: map[string]string{}, subs: map[string]string{}}
	var script strings.Builder
	for _, spec := range specs {
		if spec.EmptyDir == nil {
			t.Fatalf("volume %s is not an emptyDir", spec.Name)
		}
		mode := "0777"
		if spec.EmptyDir.Medium == corev1.StorageMediumMemory {
			mode = "1777"
		}
		v.names[spec.Name] = v.create(nil)
		fmt.Fprintf(&script, "chmod %s /volumes/%s\n", mode, spec.Name)
	}
	if len(specs) > 0 {
		v.asRoot(script.String())
	}
	return v
}

// mounts returns a container's volume mounts. A subPath is a second volume of the engine that binds the folder, since
// engines before API 1.45 do not mount a subpath of a volume. A missing folder is made with the mode of the volume's root,
// as a kubelet does.
func (v volumes) mounts(specs []corev1.VolumeMount) []mount.Mount {
	v.t.Helper()
	var out []mount.Mount
	for _, spec := range specs {
		name, ok := v.names[spec.Name]
		if !ok {
			v.t.Fatalf("mount %s names a volume that the pod does not have: %s", spec.MountPath, spec.Name)
		}
		if spec.SubPath != "" {
			name = v.sub(spec.Name, spec.SubPath)
		}
		out = append(out, emptyMount(name, spec.MountPath, spec.ReadOnly))
	}
	return out
}

func (v volumes) sub(name, subPath string) string {
	v.t.Helper()
	key := path.Join(name, subPath)
	if known, ok := v.subs[key]; ok {
		return known
	}
	folder := "/volumes/" + key
	v.asRoot(fmt.Sprintf("[ -e %[1]s ] || { mkdir -p %[1]s && chmod 0777 %[1]s; }", folder))
	info, err := shared.engine.VolumeInspect(v.t.Context(), v.names[name], client.VolumeInspectOptions{})
	if err != nil {
		v.t.Fatal(err)
	}
	v.subs[key] = v.create(map[string]string{"type": "none", "o": "bind", "device": path.Join(info.Volume.Mountpoint, subPath)})
	return v.subs[key]
}

func (v volumes) create(options map[string]string) string {
	v.t.Helper()
	name := "e2e-replay-" + strings.ToLower(rand.Text()[:12])
	create := client.VolumeCreateOptions{Name: name, Driver: "local", DriverOpts: options}
	if _, err := shared.engine.VolumeCreate(v.t.Context(), create); err != nil {
		v.t.Fatalf("making a volume: %v", err)
	}
	v.t.Cleanup(func() { // runs after the containers that use it are gone: they are cleaned up first
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if _, err := shared.engine.VolumeRemove(ctx, name, client.VolumeRemoveOptions{Force: true}); err != nil {
			v.t.Errorf("removing volume %s: %v", name, err)
		}
	})
	return name
}

// asRoot runs a script as root, with all volumes below /volumes.
func (v volumes) asRoot(script string) {
	v.t.Helper()
	var mounts []mount.Mount
	for name, volume := range v.names {
		mounts = append(mounts, emptyMount(volume, "/volumes/"+name, false))
	}
	helper, err := testcontainers.Run(v.t.Context(), helperImage,
		testcontainers.WithCmd("sh", "-ec", script),
		testcontainers.WithHostConfigModifier(func(host *container.HostConfig) { host.Mounts = mounts }),
		testcontainers.WithWaitStrategyAndDeadline(time.Minute, wait.ForExit()))
	defer func() {
		if err := testcontainers.TerminateContainer(helper); err != nil {
			v.t.Errorf("removing the helper container: %v", err)
		}
	}()
	if err != nil {
		v.t.Fatalf("preparing the volumes: %v\n%s", err, logs(helper))
	}
}

func emptyMount(volume, target string, readOnly bool) mount.Mount {
	return mount.Mount{
		Type: mount.TypeVolume, Source: volume, Target: target, ReadOnly: readOnly,
		VolumeOptions: &mount.VolumeOptions{NoCopy: true},
	}
}
