package docker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/podseal/podseal/internal/observe"
)

func TestStartError(t *testing.T) {
	for text, want := range map[string]string{
		"Error response from daemon: unable to find user app: no matching entries in passwd file": "the image's /etc/passwd has no user app: create it in the Dockerfile, or start as a uid with --user (in a manifest runAsUser)",
		"unable to find user app": "the image's /etc/passwd has no user app: create it in the Dockerfile, or start as a uid with --user (in a manifest runAsUser)",
		"Error response from daemon: unable to find group web: no matching entries in group file": "the image's /etc/group has no group web: create it in the Dockerfile, or start as a uid with --user (in a manifest runAsUser)",
	} {
		setting := new(SettingError)
		if err := startError(errors.New(text)); !errors.As(err, &setting) || setting.Text != want {
			t.Errorf("%s: %v", text, err)
		}
	}
	setting := new(SettingError)
	if err := startError(errors.New("Bind for 127.0.0.1:80 failed: port is already allocated")); errors.As(err, &setting) || !strings.Contains(err.Error(), "free it") {
		t.Errorf("a taken port: %v", err)
	}
}

func parseChanges(text string) []observe.Change {
	var out []observe.Change
	for _, line := range strings.Split(text, ",") {
		if kind, at, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			out = append(out, observe.Change{Kind: observe.ChangeKind(kind), Path: at})
		}
	}
	return out
}

func TestWithoutEngine(t *testing.T) {
	for _, tt := range []struct{ name, before, made, after string }{
		{"nothing", "", "/data", ""},
		{"mount point in a folder of the image", "C /srv, A /srv/data", "/srv/data", ""},
		{"new parents", "A /a, A /a/b, A /a/b/c", "/a/b/c", ""},
		{"the application wrote beside it", "C /srv, A /srv/data, A /srv/log", "/srv/data", "C /srv, A /srv/log"},
		{"the application wrote in a new parent", "A /a, A /a/b, A /a/log", "/a/b", "A /a/log"},
		{"several in a row", "C /v, C /v/l, A /v/l/a, A /v/l/b", "/v/l/a,/v/l/b", ""},
		{"mount point of the image", "C /srv, C /srv/data", "/srv/data", "C /srv, C /srv/data"},
		{"a name that only begins alike", "C /srv, A /srv/data, A /srv/data-2", "/srv/data", "C /srv, A /srv/data-2"},
		{"unclean", "A /w", "/w/", ""},
		{"a changed mode stays", "C /etc, A /w", "/w", "C /etc"},
		{"the root", "C /x", "/", "C /x"},
	} {
		got := withoutEngine(parseChanges(tt.before), strings.Split(tt.made, ","))
		if !slices.Equal(got, parseChanges(tt.after)) {
			t.Errorf("%s: got %v, want %s", tt.name, got, tt.after)
		}
	}
}

func TestChangesAreSorted(t *testing.T) {
	got := changes([]container.FilesystemChange{
		{Kind: container.ChangeDelete, Path: "/z"}, {Kind: container.ChangeAdd, Path: "/a/b"}, {Kind: container.ChangeModify, Path: "/a"}, {Kind: 9, Path: "/?"},
	})
	if want := parseChanges("C /a, A /a/b, D /z"); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	if got := changes(nil); len(got) != 0 {
		t.Errorf("nil gives %v", got)
	}
}

func TestProcesses(t *testing.T) {
	rows := func(rows ...string) (out [][]string) {
		for _, r := range rows {
			out = append(out, strings.Fields(r))
		}
		return out
	}
	for _, tt := range []struct {
		titles string
		rows   [][]string
		main   int
		want   string
	}{
		{"PID PPID UID GID COMMAND", rows("10 1 0 0 nginx", "11 10 33 34 nginx"), 10, "[{10 0 0 nginx true []} {11 33 34 nginx false []}] <nil>"},
		{"PID PPID UID GID COMMAND", rows("9 1 5 5 exec", "10 1 0 0 app"), 10, "[{9 5 5 exec false []} {10 0 0 app true []}] <nil>"},
		{"UID PID PPID C STIME TTY TIME CMD", rows("root 10 1 0 09:00 ? 00:00:00 app"), 99, "[{10 0 0 app true []}] <nil>"},
		{"UID PID PPID CMD", rows("www-data 10 1 app"), 10, `[] the engine's ps gives no number as UID: "www-data"`},
		{"USER TIME COMMAND", rows("root 1 app"), 1, "[] the engine's ps shows no PID: [USER TIME COMMAND]"},
		{"PID UID GID COMMAND", rows("1 2"), 1, `[] the engine's ps gives a short line: ["1" "2"]`},
		{"PID UID GID COMMAND", nil, 1, "[] <nil>"},
	} {
		got, err := processes(container.TopResponse{Titles: strings.Fields(tt.titles), Processes: tt.rows}, tt.main)
		if text := fmt.Sprint(got, " ", err); text != tt.want {
			t.Errorf("got %s, want %s", text, tt.want)
		}
	}
}

func TestFindEndpoint(t *testing.T) {
	dir := t.TempDir()
	stored := func(name, meta string, tls ...string) {
		t.Helper()
		sum := sha256.Sum256([]byte(name))
		id := hex.EncodeToString(sum[:])
		files := map[string]string{filepath.Join("meta", id, "meta.json"): meta}
		for _, f := range tls {
			files[filepath.Join("tls", id, "docker", f)] = "x"
		}
		for f, text := range files {
			f = filepath.Join(dir, "contexts", f)
			if err := errors.Join(os.MkdirAll(filepath.Dir(f), 0o755), os.WriteFile(f, []byte(text), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
	}
	stored("far", `{"Name":"far","Endpoints":{"docker":{"Host":"tcp://far:2376"}}}`, "ca.pem", "cert.pem", "key.pem")
	stored("shell", `{"Name":"shell","Endpoints":{"docker":{"Host":"ssh://me@far"}}}`)
	stored("kube", `{"Name":"kube","Endpoints":{"kubernetes":{"Host":"x"}}}`)
	stored("broken", `{`)
	config := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ env, config, want string }{
		{"DOCKER_HOST=tcp://a:1 DOCKER_CONTEXT=far", `{}`, "tcp://a:1 tls=false"},
		{"DOCKER_HOST=tcp://a:1 DOCKER_CERT_PATH=/certs", `{}`, "tcp://a:1 tls=true"},
		{"DOCKER_CONTEXT=far", `{"currentContext":"shell"}`, "tcp://far:2376 tls=true"},
		{"", `{"currentContext":"shell"}`, "ssh://me@far tls=false"},
		{"DOCKER_CONTEXT=default", `{"currentContext":"shell"}`, "unix:///var/run/docker.sock tls=false"},
		{"", `{}`, "unix:///var/run/docker.sock tls=false"},
		{"DOCKER_CONTEXT=none", `{}`, `there is no docker context "none"`},
		{"DOCKER_CONTEXT=kube", `{}`, `has no docker endpoint`},
		{"DOCKER_CONTEXT=broken", `{}`, `reading docker context "broken"`},
		{"", `{`, "reading the docker configuration"},
	} {
		config(tt.config)
		env := map[string]string{"DOCKER_CONFIG": dir}
		for _, pair := range strings.Fields(tt.env) {
			name, value, _ := strings.Cut(pair, "=")
			env[name] = value
		}
		got, err := findEndpoint(func(name string) string { return env[name] })
		text := fmt.Sprintf("%s tls=%v", got.Host, got.TLSData != nil || got.SkipTLSVerify)
		if err != nil {
			text = err.Error()
		}
		if !strings.Contains(text, tt.want) {
			t.Errorf("%s %s: got %s, want %s", tt.env, tt.config, text, tt.want)
		}
	}
}

func TestUnreachableEngine(t *testing.T) {
	for host, says := range map[string]string{
		"unix:///nowhere/docker.sock": "no engine answers at unix:///nowhere/docker.sock: start it",
		"tcp://127.0.0.1:1":           "no engine answers at tcp://127.0.0.1:1: start it",
		"nonsense":                    "connecting to the engine at nonsense",
	} {
		t.Setenv("DOCKER_HOST", host)
		_, err := New(t.Context(), Options{})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestPublicHost(t *testing.T) {
	for host, want := range map[string]string{
		"unix:///var/run/docker.sock": "127.0.0.1", "tcp://10.0.0.7:2375": "10.0.0.7", "ssh://me@far:22": "far",
		"tcp://localhost:2375": "127.0.0.1", "npipe:////./pipe/docker_engine": "127.0.0.1", "tcp://[::1]:2375": "::1",
	} {
		if got := publicHost(host); got != want {
			t.Errorf("publicHost(%s) = %s", host, got)
		}
	}
}

func TestFollowPull(t *testing.T) {
	now := time.Unix(0, 0)
	var lines []string
	follow := func(body string) error {
		lines = nil
		return followPull(strings.NewReader(body), "x:1", func(l string) { lines = append(lines, l) }, func() time.Time {
			now = now.Add(600 * time.Millisecond)
			return now
		})
	}
	err := follow(`{"status":"Pulling from x"}
{"id":"a","status":"Downloading","progressDetail":{"current":1000000,"total":2000000}}
{"id":"b","status":"Downloading","progressDetail":{"current":500000,"total":1000000}}
{"id":"a","status":"Pull complete"}`)
	if err != nil || !reflect.DeepEqual(lines, []string{"pulling x:1: 1.5 of 3.0 MB"}) {
		t.Errorf("lines = %q, %v", lines, err)
	}
	if err := follow(`{"errorDetail":{"message":"no"},"error":"manifest unknown"}`); err == nil || err.Error() != "manifest unknown" {
		t.Errorf("error = %v", err)
	}
	if err := follow(`{"status":`); err == nil {
		t.Error("a torn answer was accepted")
	}
}

func TestPullErrors(t *testing.T) {
	for text, says := range map[string]string{
		"pull access denied for x, repository does not exist or may require 'docker login'": "docker login",
		"manifest for x:9 not found: manifest unknown: manifest unknown":                    "check the name and the tag",
		"no matching manifest for linux/arm64/v8 in the manifest list entries":              "choose another with --platform",
		`image operating system "windows" cannot be used on this platform`:                  "only Linux images",
		"Get https://x/v2/: dial tcp: lookup x: no such host":                               "cannot reach its registry",
		"disk full": "pulling failed: disk full",
	} {
		err := pullError(context.Background(), "x", "", errors.New(text))
		if !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestPullErrorNamesThePlatform(t *testing.T) {
	err := pullError(context.Background(), "x", "linux/arm64", errors.New("dial tcp: no such host"))
	if !strings.Contains(err.Error(), "does not have it for linux/arm64") {
		t.Error(err)
	}
}

func TestExecError(t *testing.T) {
	for text, code := range map[string]int{
		`OCI runtime create failed: exec: "nope": executable file not found in $PATH: unknown`:                      127,
		`runc create failed: exec: "/x": stat /x: no such file or directory`:                                        127,
		`OCI runtime create failed: exec: "/x": permission denied`:                                                  126,
		`OCI runtime create failed: chdir to cwd ("/root") set in config.json failed: permission denied`:            126,
		`OCI runtime create failed: error mounting "/a" to rootfs at "/b": mount failed: no such file or directory`: 0,
		`driver failed programming external connectivity: port is already allocated`:                                0,
	} {
		failed, ok := execError(errors.New(text))
		if ok != (code != 0) || ok && failed.Code != code {
			t.Errorf("%s: %+v, %v", text, failed, ok)
		}
	}
}

func TestRepoDigest(t *testing.T) {
	const d, e = "sha256:" + "1111111111111111111111111111111111111111111111111111111111111111",
		"sha256:" + "2222222222222222222222222222222222222222222222222222222222222222"
	known := []string{"other.example/nginx@" + e, "nginx@" + d}
	for ref, want := range map[string]string{
		"nginx:1.27":                      "nginx@" + d,
		"docker.io/library/nginx":         "nginx@" + d,
		"other.example/nginx:2":           "other.example/nginx@" + e,
		"mine:1":                          "",
		"nginx@" + d:                      "nginx@" + d,
		"mine.example:5000/x:1@" + e[:71]: "other.example/nginx@" + e,
		"0123456789ab":                    "nginx@" + d,
	} {
		if got := repoDigest(ref, known); got != want {
			t.Errorf("repoDigest(%s) = %q, want %q", ref, got, want)
		}
	}
	if got := repoDigest("a.example:5000/x:1@"+e, nil); got != "a.example:5000/x@"+e {
		t.Errorf("repoDigest of an unknown digest = %q", got)
	}
}

func TestTail(t *testing.T) {
	w := &tail{limit: 10}
	for i := range 1000 {
		_, _ = fmt.Fprintf(w, "%d\n", i)
	}
	if w.String() != "998\n999\n" {
		t.Errorf("kept %q", w.String())
	}
}

// TestIsExhausted: the words of engines old and new for a network that has no addresses.
func TestIsExhausted(t *testing.T) {
	for text, want := range map[string]bool{
		"Error response from daemon: could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network": true,
		"Error response from daemon: all predefined address pools have been fully subnetted":                                                     true,
		"Error response from daemon: network with name a already exists":                                                                         false,
	} {
		if got := isExhausted(errors.New(text)); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
}

// TestNetworking: only networks that have names know an alias.
func TestNetworking(t *testing.T) {
	for network, want := range map[string]bool{"": false, "host": false, "bridge": false, "none": false, "container:x": false, "podseal-1": true} {
		if got := (Spec{Network: network, Alias: "db"}).networking(); (got != nil) != want {
			t.Errorf("network %q: %+v", network, got)
		}
	}
}
