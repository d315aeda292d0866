//go:build engine

package e2e

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
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

// replay is the independent proof of a manifest: it starts the pod's containers in the engine with exactly what the
// manifest says, as a kubelet would, without any code of podseal.
type replay struct {
	t       *testing.T
	spec    corev1.PodSpec
	volumes volumes
	main    *testcontainers.DockerContainer
	port    int
}

// startReplay runs the init containers and starts the only container.
func startReplay(t *testing.T, spec corev1.PodSpec, port int) *replay {
	t.Helper()
	r := &replay{t: t, spec: spec, port: port, volumes: makeVolumes(t, spec.Volumes)}
	r.seed()
	c := spec.Containers[0]
	r.mustMountVolumes(c)
	mounts := r.volumes.mounts(c.VolumeMounts)
	main, err := testcontainers.Run(t.Context(), c.Image, r.options(c, mounts,
		testcontainers.WithExposedPorts(fmt.Sprintf("%d/tcp", port)))...)
	testcontainers.CleanupContainer(t, main)
	if err != nil {
		t.Fatalf("starting what the manifest says: %v\n%s", err, logs(main))
	}
	r.main = main
	return r
}

// seed runs the init containers to their end, one after the other.
func (r *replay) seed() {
	r.t.Helper()
	for _, c := range r.spec.InitContainers {
		init, err := testcontainers.Run(r.t.Context(), c.Image, r.options(c, r.volumes.mounts(c.VolumeMounts),
			testcontainers.WithWaitStrategyAndDeadline(time.Minute, wait.ForExit()))...)
		testcontainers.CleanupContainer(r.t, init)
		if err != nil {
			r.t.Fatalf("init container %s: %v\n%s", c.Name, err, logs(init))
		}
		state, err := init.State(r.t.Context())
		if err != nil || state.ExitCode != 0 {
			r.t.Fatalf("init container %s: exit code %d, %v\n%s", c.Name, state.ExitCode, err, logs(init))
		}
	}
}

// restart kills the first process and starts the pod again over the same volumes, as after a crash of the node.
func (r *replay) restart() {
	r.t.Helper()
	ctx := r.t.Context()
	if _, err := shared.engine.ContainerKill(ctx, r.main.GetContainerID(), client.ContainerKillOptions{}); err != nil {
		r.t.Fatalf("killing the container: %v", err)
	}
	for {
		state, err := r.main.State(ctx)
		if err != nil {
			r.t.Fatal(err)
		}
		if !state.Running {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	r.seed()
	if _, err := shared.engine.ContainerStart(ctx, r.main.GetContainerID(), client.ContainerStartOptions{}); err != nil {
		r.t.Fatalf("starting the container again: %v", err)
	}
}

// options returns how a container of the pod runs: as the manifest says, and with the defaults of a kubelet where it says
// nothing: the default seccomp profile, no low ports, a small /dev/shm.
func (r *replay) options(c corev1.Container, mounts []mount.Mount, more ...testcontainers.ContainerCustomizer) []testcontainers.ContainerCustomizer {
	env := map[string]string{}
	for _, v := range c.Env {
		env[v.Name] = v.Value
	}
	return append(more,
		testcontainers.WithEnv(env),
		testcontainers.WithConfigModifier(func(conf *container.Config) {
			conf.User = r.user(c)
			if c.WorkingDir != "" {
				conf.WorkingDir = c.WorkingDir
			}
			if c.Command != nil {
				conf.Entrypoint, conf.Cmd = c.Command, []string{}
			}
			if c.Args != nil {
				conf.Cmd = c.Args
			}
		}),
		testcontainers.WithHostConfigModifier(func(host *container.HostConfig) {
			host.Mounts = mounts
			host.ShmSize = 64 << 20
			host.Sysctls = r.sysctls()
			host.GroupAdd = r.groups()
			restrict(host, c.SecurityContext)
		}))
}

// restrict applies a container's security context. A field that the manifest leaves out restricts nothing.
func restrict(host *container.HostConfig, sc *corev1.SecurityContext) {
	if sc == nil {
		return
	}
	host.ReadonlyRootfs = sc.ReadOnlyRootFilesystem != nil && *sc.ReadOnlyRootFilesystem
	if sc.AllowPrivilegeEscalation != nil && !*sc.AllowPrivilegeEscalation {
		host.SecurityOpt = []string{"no-new-privileges"}
	}
	if sc.Capabilities != nil {
		for _, name := range sc.Capabilities.Drop {
			host.CapDrop = append(host.CapDrop, string(name))
		}
		for _, name := range sc.Capabilities.Add {
			host.CapAdd = append(host.CapAdd, string(name))
		}
	}
}

// user returns uid:gid; fields of the container override those of the pod.
func (r *replay) user(c corev1.Container) string {
	var uid, gid *int64
	if p := r.spec.SecurityContext; p != nil {
		uid, gid = p.RunAsUser, p.RunAsGroup
	}
	if sc := c.SecurityContext; sc != nil {
		if sc.RunAsUser != nil {
			uid = sc.RunAsUser
		}
		if sc.RunAsGroup != nil {
			gid = sc.RunAsGroup
		}
	}
	if uid == nil || gid == nil {
		r.t.Fatalf("container %s has no numeric user and group", c.Name)
	}
	return fmt.Sprintf("%d:%d", *uid, *gid)
}

func (r *replay) groups() []string {
	var out []string
	if p := r.spec.SecurityContext; p != nil {
		for _, g := range p.SupplementalGroups {
			out = append(out, strconv.FormatInt(g, 10))
		}
	}
	return out
}

func (r *replay) sysctls() map[string]string {
	out := map[string]string{"net.ipv4.ip_unprivileged_port_start": "1024"}
	if p := r.spec.SecurityContext; p != nil {
		for _, s := range p.Sysctls {
			out[s.Name] = s.Value
		}
	}
	return out
}

// mustMountVolumes fails if a VOLUME of the image is not mounted: Docker would make it writable by itself, other runtimes
// would not.
func (r *replay) mustMountVolumes(c corev1.Container) {
	r.t.Helper()
	info, err := shared.engine.ImageInspect(r.t.Context(), c.Image)
	if err != nil {
		r.t.Fatal(err)
	}
	mounted := map[string]bool{}
	for _, m := range c.VolumeMounts {
		mounted[m.MountPath] = true
	}
	for path := range info.Config.Volumes {
		if !mounted[path] {
			r.t.Errorf("the image's VOLUME %s has no mount in the manifest", path)
		}
	}
}

// mustPass runs the readiness command until it succeeds, then the e2e script; both as podseal runs them.
func (r *replay) mustPass(ready, script string) {
	r.t.Helper()
	if err := r.try(ready, script); err != nil {
		r.t.Fatalf("on the replayed pod: %v\n%s", err, logs(r.main))
	}
}

func (r *replay) try(ready, script string) error {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 2*time.Minute)
	defer cancel()
	env := r.environment(ctx)
	for {
		out, err := shell(ctx, env, ready)
		if err == nil {
			break
		}
		if state, stateErr := r.main.State(ctx); ctx.Err() != nil || stateErr != nil || !state.Running {
			return fmt.Errorf("not ready: %w\n%s", err, out)
		}
		time.Sleep(250 * time.Millisecond)
	}
	if out, err := shell(ctx, env, "bash "+script); err != nil {
		return &scriptError{script: script, output: out, err: err}
	}
	return nil
}

// scriptError is an e2e script that failed on a pod that was ready.
type scriptError struct {
	script, output string
	err            error
}

func (e *scriptError) Error() string {
	return fmt.Sprintf("%s fails: %v\n%s", e.script, e.err, e.output)
}

func (r *replay) environment(ctx context.Context) []string {
	r.t.Helper()
	host, err := r.main.Host(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	port, err := r.main.MappedPort(ctx, fmt.Sprintf("%d/tcp", r.port))
	if err != nil {
		r.t.Fatalf("%v\n%s", err, logs(r.main))
	}
	return append(os.Environ(), "PODSEAL_HOST="+host, "PODSEAL_PORT="+strconv.Itoa(int(port.Num())),
		"PODSEAL_CONTAINER="+r.main.GetContainerID())
}

func shell(ctx context.Context, env []string, line string) (string, error) {
	cmd := exec.CommandContext(ctx, "bash", "-c", line)
	cmd.Dir, cmd.Env = shared.root, env
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// logs returns the last lines of a container's log, for the message of a failure.
func logs(c *testcontainers.DockerContainer) string {
	if c == nil {
		return "(there is no container)"
	}
	reader, err := c.Logs(context.Background())
	if err != nil {
		return fmt.Sprintf("(no logs: %v)", err)
	}
	defer reader.Close()
	out, err := io.ReadAll(reader)
	if err != nil {
		return fmt.Sprintf("(no logs: %v)", err)
	}
	return "logs: " + string(out[max(0, len(out)-2000):])
}
