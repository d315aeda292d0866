//go:build linux && engine

package trace_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/trace"
	"github.com/podseal/podseal/internal/trace/wire"
)

// lab is what all engine tests share: an image with the test application, and a volume with the sensor.
type lab struct {
	image, volume string
	clean         []func()
	err           error
	skip          string
}

var (
	sharedLab lab
	labOnce   sync.Once
)

func TestMain(m *testing.M) {
	code := m.Run()
	for _, f := range slices.Backward(sharedLab.clean) {
		f()
	}
	os.Exit(code)
}

// needEngine skips where no engine can be reached, and fails there in CI.
func needEngine(t testing.TB) *lab {
	t.Helper()
	if testing.Short() {
		t.Skip("engine tests are left out by -short")
	}
	labOnce.Do(sharedLab.open)
	if sharedLab.skip != "" {
		if os.Getenv("CI") == "true" {
			t.Fatal(sharedLab.skip)
		}
		t.Skip(sharedLab.skip)
	}
	if sharedLab.err != nil {
		t.Fatal(sharedLab.err)
	}
	return &sharedLab
}

func (l *lab) open() {
	if out, err := exec.Command("docker", "version", "--format", "{{.Server.Os}}").CombinedOutput(); err != nil {
		l.skip = fmt.Sprintf("no Docker engine can be reached, which this test needs: %v: %s", err, out)
		return
	}
	dir, err := os.MkdirTemp("", "podseal-trace-test")
	if err != nil {
		l.err = err
		return
	}
	l.clean = append(l.clean, func() { os.RemoveAll(dir) })
	for _, b := range []struct{ out, pkg, arch string }{
		{"podseal", "../../cmd/podseal-inside", ""}, {"app", "./testdata/app", ""}, {"app386", "./testdata/app", "386"},
	} {
		cmd := exec.Command("go", "build", "-o", filepath.Join(dir, b.out), b.pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if b.arch != "" {
			cmd.Env = append(cmd.Env, "GOARCH="+b.arch)
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			l.err = fmt.Errorf("building %s: %w: %s", b.pkg, err, out)
			return
		}
	}
	id := strconv.Itoa(os.Getpid())
	l.image, l.volume = "podseal-trace-test:"+id, "podseal-trace-test-"+id
	l.err = l.fill(dir)
}

// fill makes the image and the volume.
func (l *lab) fill(dir string) error {
	img, err := l.imageTar(dir)
	if err != nil {
		return err
	}
	if _, err := docker(img, "import", "-c", `ENV PATH=/bin`, "-", l.image); err != nil {
		return err
	}
	l.clean = append(l.clean, func() { _, _ = docker(nil, "rmi", l.image) })
	if _, err := docker(nil, "volume", "create", l.volume); err != nil {
		return err
	}
	l.clean = append(l.clean, func() { _, _ = docker(nil, "volume", "rm", l.volume) })
	helper, err := docker(nil, "create", "-v", l.volume+":"+trace.Mountpoint, l.image, "none")
	if err != nil {
		return err
	}
	helper = strings.TrimSpace(helper)
	defer func() { _, _ = docker(nil, "rm", helper) }()
	_, err = docker(nil, "cp", filepath.Join(dir, "podseal"), helper+":"+trace.Mountpoint+"/"+trace.BinaryName)
	return err
}

// imageTar is an image from scratch: the application and a few folders.
func (l *lab) imageTar(dir string) (io.Reader, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range []struct {
		name     string
		mode     int64
		uid, gid int
	}{
		{"bin/", 0o755, 0, 0},
		{"etc/", 0o755, 0, 0},
		{"tmp/", 0o1777, 0, 0},
		{"var/", 0o755, 0, 0},
		{"writable/", 0o777, 0, 0},
		{"writable/closed/", 0o700, 7, 7},
		{"private/", 0o700, 1234, 1234},
	} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: f.name, Mode: f.mode, Uid: f.uid, Gid: f.gid}); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"app", "app386"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		if err := addFile(w, "bin/"+name, 0o755, content); err != nil {
			return nil, err
		}
	}
	if err := addFile(w, "bin/setuid", 0o4755, []byte("#!/bin/app\n")); err != nil {
		return nil, err
	}
	if err := addFile(w, "bin/plain", 0o644, []byte("x")); err != nil {
		return nil, err
	}
	if err := addFile(w, "etc/owned-by-root", 0o644, nil); err != nil {
		return nil, err
	}
	return &b, w.Close()
}

func addFile(w *tar.Writer, name string, mode int64, content []byte) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content))}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}

func docker(in io.Reader, args ...string) (string, error) {
	cmd := exec.Command("docker", args...)
	cmd.Stdin = in
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return string(out), fmt.Errorf("docker %s: %w: %s", strings.Join(args, " "), err, errs.String())
	}
	return string(out), nil
}

// traced is one target with its observer.
type traced struct {
	id       string
	observer string // its container
	session  *trace.Session
	opts     trace.ObserverOptions
}

type stream struct {
	io.Reader
	io.WriteCloser
}

// start runs the argv under docker's flags, traced.
func (l *lab) start(t testing.TB, flags []string, argv ...string) *traced {
	t.Helper()
	return l.startImage(t, l.image, flags, argv...)
}

func (l *lab) startImage(t testing.TB, image string, flags []string, argv ...string) *traced {
	t.Helper()
	socket := fmt.Sprintf("s%d", time.Now().UnixNano())
	command := trace.SensorArgs(argv, trace.SensorOptions{Socket: socket})
	return l.startObserved(t, image, flags, command, trace.ObserverOptions{Socket: socket, PortStart: 1024})
}

func (l *lab) startObserved(t testing.TB, image string, flags, command []string, o trace.ObserverOptions) *traced {
	t.Helper()
	args := append([]string{"create", "-v", l.volume + ":" + trace.Mountpoint + ":ro", "--entrypoint", command[0]}, flags...)
	id := l.must(t, append(append(args, image), command[1:]...)...)
	t.Cleanup(func() { _, _ = docker(nil, "rm", "-f", "-v", id) })
	l.must(t, "start", id)
	return &traced{id: id, observer: observerName(id), session: l.observe(t, id, o), opts: o}
}

// observerName names the container that observes another one.
func observerName(id string) string { return "podseal-trace-observer-" + id[:12] }

func (l *lab) observe(t testing.TB, id string, o trace.ObserverOptions) *trace.Session {
	t.Helper()
	command := trace.ObserverArgs(o)
	args := []string{
		"run", "-i", "--rm", "--name", observerName(id), "-u", "0:0", "--pid", "host", "--network", "none", "--cap-drop", "ALL",
		"--cap-add", "SYS_PTRACE", "--read-only", "--log-driver", "none", "-v", l.volume + ":" + trace.Mountpoint,
		"--entrypoint", command[0], l.image,
	}
	cmd := exec.Command("docker", append(args, command[1:]...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := trace.Attach(stream{out, in})
	pid, err := strconv.Atoi(l.must(t, "inspect", "-f", "{{.State.Pid}}", id))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Target(t.Context(), pid); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = docker(nil, "rm", "-f", "-v", id)
		_ = s.Close()
		<-s.Done()
		_ = cmd.Wait()
	})
	return s
}

// exec runs a command in a target with the sensor before it, and admits it.
func (l *lab) exec(t testing.TB, r *traced, command []string) {
	t.Helper()
	cmd := exec.Command("docker", append([]string{"exec", r.id}, command...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if pid := l.sensorIn(r, 30*time.Second); pid != 0 {
		if err := r.session.Admit(t.Context(), pid); err != nil {
			t.Error(err)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, &out)
	}
}

// sensorIn returns the number of a sensor's process that waits in a target, on the engine's host; 0 if none comes.
func (l *lab) sensorIn(r *traced, wait time.Duration) int {
	for end := time.Now().Add(wait); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		table, err := docker(nil, "top", r.id, "-eo", "pid,args")
		if err != nil {
			return 0
		}
		for line := range strings.SplitSeq(table, "\n") {
			fields := strings.Fields(line)
			if len(fields) > 2 && fields[1] == trace.Mountpoint+"/"+trace.BinaryName && fields[2] == wire.SensorCommand {
				pid, _ := strconv.Atoi(fields[0])
				return pid
			}
		}
	}
	return 0
}

func (l *lab) must(t testing.TB, args ...string) string {
	t.Helper()
	out, err := docker(nil, args...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// end waits for the target's end and returns its exit code.
func (r *traced) end(t testing.TB) int {
	t.Helper()
	out, err := docker(nil, "wait", r.id)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-r.session.Done():
	case <-time.After(20 * time.Second):
		t.Fatal("the observer outlived its target")
	}
	code, err := strconv.Atoi(strings.TrimSpace(out))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func (r *traced) logs(t testing.TB) string {
	t.Helper()
	out, err := docker(nil, "logs", r.id)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (r *traced) started(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := r.session.Started(ctx); err != nil {
		t.Fatal(err)
	}
}

// lines are writes in a form for comparing: call, path, outcome.
func lines(writes []observe.Write) []string {
	var out []string
	for _, w := range writes {
		s := w.Call + " " + w.Path
		if w.To != "" {
			s += " -> " + w.To
		}
		s += " " + string(w.Outcome)
		if w.Errno != "" {
			s += " " + w.Errno
		}
		if w.Dir {
			s += " dir"
		}
		if w.Owner != 0 {
			s += fmt.Sprint(" owner ", w.Owner)
		}
		out = append(out, s)
	}
	return out
}
