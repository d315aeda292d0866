//go:build cluster

package verify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/cluster/kubetest"
	"github.com/podseal/podseal/internal/cluster/workload"
	"github.com/podseal/podseal/internal/docker/dockertest"
	"github.com/podseal/podseal/internal/manifest"
	"github.com/podseal/podseal/internal/target"
)

// testImage brings the test application to the nodes, once, and returns its name.
var testImage = sync.OnceValues(func() (string, error) {
	program, err := dockertest.Compile(dockertest.App)
	if err != nil {
		return "", err
	}
	i := dockertest.Image{
		Ref: fmt.Sprintf("podseal.test/verify-%d:1", os.Getpid()), Architecture: runtime.GOARCH,
		Files: []dockertest.File{{Name: "app", Mode: 0o755, Data: program}, {Name: "var/", Mode: 0o777}},
	}
	archive, err := i.Archive()
	if err != nil {
		return "", err
	}
	return i.Ref, kubetest.Load(archive)
})

// sealed are the settings that the level restricted wants.
const (
	podSettings       = "securityContext: {runAsNonRoot: true, runAsUser: 1000, runAsGroup: 1000, seccompProfile: {type: RuntimeDefault}}"
	containerSettings = "securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}"
)

// deployment returns the request for a workload whose container does the steps of the test application. more are lines of the
// container, podMore of the pod; settings are those of the container.
func deployment(t *testing.T, steps, settings, more, podMore string) Request {
	t.Helper()
	ref, err := testImage()
	if err != nil {
		t.Fatal(err)
	}
	f, err := manifest.Parse("in.yaml", []byte(fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      automountServiceAccountToken: false
      %s
      containers:
      - name: web
        image: %s
        imagePullPolicy: IfNotPresent
        args: [%s]
        %s
        %s
      volumes:
      - {name: data, emptyDir: {}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data: {GREETING: hello}
`, podMore, ref, steps, settings, more)), "")
	if err != nil {
		t.Fatal(err)
	}
	w, err := workload.Build(f.Pods[0], []*manifest.File{f}, workload.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return Request{
		Workload: w, Container: "web", Level: kube.Restricted, Ready: time.Minute,
		Target: target.Target{Name: "web", Ports: []int{8080}, Timeout: 5 * time.Minute, Grace: time.Second},
	}
}

// gone fails the test unless the namespace of a run is removed, or being removed.
func gone(t *testing.T, c *kube.Client, name string) {
	t.Helper()
	n, err := c.API.CoreV1().Namespaces().Get(context.Background(), name, metav1.GetOptions{})
	if err == nil && n.DeletionTimestamp == nil {
		t.Errorf("namespace %s is left", name)
	}
}

const writes = `"write:/data/x=1", "env:GREETING", "listen:8080", "wait"`

// mounts are the lines of a container that has its volume and its ConfigMap, and says when it is ready.
const mounts = "volumeMounts: [{name: data, mountPath: /data}]\n        envFrom: [{configMapRef: {name: web}}]\n        readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}"

// inside returns an e2e command in the container.
func inside(argv ...string) target.Command { return target.Command{Inside: true, Argv: argv} }

func TestAgreed(t *testing.T) {
	c := kubetest.Connect(t, "")
	r := deployment(t, writes, containerSettings, mounts, podSettings)
	r.Target.Commands = []target.Command{inside("/app", "read:/data/x", "env:GREETING"), target.Shell(`test -n "$PODSEAL_PORT" && test -n "$PODSEAL_NAMESPACE"`, false)}
	res, err := Run(t.Context(), c, r)
	if err != nil || res.Verdict != Agreed || !res.Restarted || len(res.Commands) != 4 {
		t.Fatalf("%+v, %v", res, err)
	}
	for _, cmd := range []int{0, 2} {
		if !strings.Contains(res.Commands[cmd].Output, "env:GREETING: hello") {
			t.Errorf("the ConfigMap did not come along: %+v", res.Commands[cmd])
		}
	}
	gone(t, c, res.Namespace)
}

// TestDiffers: an admitted workload fails in each of these ways, and a difference explains it.
func TestDiffers(t *testing.T) {
	c := kubetest.Connect(t, "")
	marker := filepath.Join(t.TempDir(), "marker") // of a first run of the commands
	for name, x := range map[string]struct {
		request  Request
		commands []target.Command
		want     Difference // by its source, its subject, and a part of its text
	}{
		"denied path": {
			request: deployment(t, `"write:/var/x=1", "exit:3"`, containerSettings, "", podSettings),
			want:    Difference{Denied, "/var/x", "read-only file system"},
		},
		"setting of the kubelet": {
			request: deployment(t, `"wait"`, containerSettings, "", "securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}"),
			want:    Difference{Setting, "", "image will run as root"},
		},
		"never ready": {
			request: deployment(t, `"wait"`, containerSettings, "readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}", podSettings),
			want:    Difference{Event, "Unhealthy", "Readiness probe failed"},
		},
		"command": {
			request:  deployment(t, `"wait"`, containerSettings, "", podSettings),
			commands: []target.Command{target.Shell("echo sad; exit 7", false)},
			want:     Difference{Command, "echo sad; exit 7", "exited 7: sad"},
		},
		"after the restart": {
			request:  deployment(t, `"wait"`, containerSettings, "", podSettings),
			commands: []target.Command{target.Shell("test ! -e "+marker+" && touch "+marker, false)},
			want:     Difference{Command, "", "after PID 1 was killed"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			x.request.Ready = 20 * time.Second
			if name == "never ready" {
				x.request.Ready = 5 * time.Second
			}
			x.request.Target.Commands, x.request.Target.Ports = x.commands, nil
			res, err := Run(t.Context(), c, x.request)
			if err != nil || res.Verdict != Differs {
				t.Fatalf("%+v, %v", res, err)
			}
			found := slices.ContainsFunc(res.Differences, func(d Difference) bool {
				return d.Source == x.want.Source && (x.want.Subject == "" || d.Subject == x.want.Subject) && strings.Contains(d.Text, x.want.Text)
			})
			if !found {
				t.Errorf("no %+v in %+v", x.want, res.Differences)
			}
			gone(t, c, res.Namespace)
		})
	}
}

// TestRefused: a workload that is not admitted is refused with the field, in the temporary namespace and in the user's.
func TestRefused(t *testing.T) {
	home := fmt.Sprintf("podseal-test-home-%d", os.Getpid())
	c := kubetest.Connect(t, home)
	namespaces := c.API.CoreV1().Namespaces()
	if _, err := namespaces.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: home}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = namespaces.Delete(context.Background(), home, metav1.DeleteOptions{}) })
	if _, err := c.API.CoreV1().LimitRanges(home).Create(t.Context(), &corev1.LimitRange{
		ObjectMeta: metav1.ObjectMeta{Name: "small"},
		Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
			Type: corev1.LimitTypeContainer, Max: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("64Mi")},
		}}},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for field, r := range map[string]Request{
		"securityContext.allowPrivilegeEscalation": deployment(t, `"wait"`, "securityContext: {capabilities: {drop: [ALL]}}", "", podSettings),
		"resources.limits.memory":                  deployment(t, `"wait"`, containerSettings, "resources: {limits: {memory: 1Gi}}", podSettings),
	} {
		res, err := Run(t.Context(), c, r)
		if err != nil || res.Verdict != Refused {
			t.Fatalf("%s: %+v, %v", field, res, err)
		}
		if !slices.ContainsFunc(res.Differences, func(d Difference) bool { return d.Source == Setting && d.Subject == field }) {
			t.Errorf("no field %s in %+v", field, res.Differences)
		}
		gone(t, c, res.Namespace)
	}
	left, err := c.API.CoreV1().Pods(home).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(left.Items) > 0 {
		t.Errorf("%d pods in the user's namespace, %v", len(left.Items), err)
	}
}

// TestInterrupted: the namespace is removed when the run is interrupted, whatever it does.
func TestInterrupted(t *testing.T) {
	c := kubetest.Connect(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	r := deployment(t, writes, containerSettings, mounts, podSettings)
	r.Target.Commands = []target.Command{target.Shell("sleep 600", false)}
	r.Progress = func(line string) {
		if strings.HasPrefix(line, "waiting until") {
			time.AfterFunc(2*time.Second, cancel)
		}
	}
	res, err := Run(ctx, c, r)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%+v, %v", res, err)
	}
	gone(t, c, res.Namespace)
}

// TestImageMissing: an image that the cluster does not have is one clear error.
func TestImageMissing(t *testing.T) {
	c := kubetest.Connect(t, "")
	r := deployment(t, `"wait"`, containerSettings, "", podSettings)
	r.Workload.Pod.Spec.Containers[0].Image = "podseal.test/absent:1"
	r.Workload.Pod.Spec.Containers[0].ImagePullPolicy = corev1.PullNever
	res, err := Run(t.Context(), c, r)
	if missing := new(StartError); !errors.As(err, &missing) || !strings.Contains(err.Error(), "kind load docker-image") {
		t.Errorf("%v", err)
	}
	gone(t, c, res.Namespace)
}
