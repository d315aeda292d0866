package diff_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/observe/observetest"
)

func collect(t *testing.T, run string) diff.List {
	t.Helper()
	o, err := observetest.Parse(run)
	if err != nil {
		t.Fatal(err)
	}
	return diff.Collect(o)
}

// TestCollectCountsWriters joins the writes of one command, user and way of starting, and of no others.
func TestCollectCountsWriters(t *testing.T) {
	got := diff.Collect(observe.Observation{Writes: []observe.Write{
		{Path: "/f", Call: "open", Outcome: observe.Allowed, Phase: observe.E2E, Command: "b", UID: 1},
		{Path: "/f", Call: "open", Outcome: observe.Allowed, Phase: observe.Stop, Command: "b", UID: 1, Count: 4},
		{Path: "/f", Call: "open", Outcome: observe.Allowed, Phase: observe.Start, Command: "b", UID: 2},
		{Path: "/f", Call: "chmod", Outcome: observe.Allowed, Phase: observe.Restart, Command: "b", UID: 1, Exec: true},
		{Path: "/f", Call: "open", Outcome: observe.Allowed, Phase: observe.E2E, Command: "a", UID: 1, GID: 7},
	}})
	want := diff.List{{
		Path: "/f", Phase: observe.Start, Phases: []observe.Phase{observe.E2E, observe.Stop, observe.Start, observe.Restart},
		Outcome: observe.Allowed, Source: diff.FromTrace, Calls: []string{"chmod", "open"},
		Writers: []diff.Writer{
			{Command: "a", UID: 1, GID: 7, Count: 1},
			{Command: "b", UID: 1, Count: 5},
			{Command: "b", UID: 1, Count: 1, Exec: true},
			{Command: "b", UID: 2, Count: 1},
		},
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestCollectKeepsOutcomesApart(t *testing.T) {
	all := collect(t, "open /f start denied EROFS\nopen /f e2e\nopen /g start unknown\nA /h start").Passing("web-7f9c")
	for _, e := range all {
		if e.Passing != "web-7f9c" {
			t.Errorf("%s lacks the passing name", e.Path)
		}
	}
	for name, list := range map[string]diff.List{"/f /h": all.Allowed(), "/f": all.Denied(), "/f /f /g /h": all} {
		var paths []string
		for _, e := range list {
			paths = append(paths, e.Path)
		}
		if got := strings.Join(paths, " "); got != name {
			t.Errorf("got %s, want %s", got, name)
		}
	}
}

func TestMetadataOnly(t *testing.T) {
	for run, want := range map[string]bool{
		"chmod /f start":               true,
		"setxattr /f start":            true,
		"chmod /f start\nopen /f e2e":  false,
		"open /f start":                false,
		"A /f start\nchmod /f start":   false, // it was made as well
		"D /f start\nchown /f start":   false,
		"C /f start":                   false, // docker diff does not say how it changed
		"C /f/ start":                  true,
		"C /f start\nutime /f start":   true,
		"C /f/ start\nmkdir /f/ start": false,
	} {
		list := collect(t, run)
		if len(list) != 1 || list[0].MetadataOnly() != want {
			t.Errorf("%q: %+v, want %t", run, list, want)
		}
	}
}

func TestEvidenceAsText(t *testing.T) {
	for want, e := range map[string]diff.Evidence{
		"/f": {Path: "/f", Source: diff.FromDiff},
		"EROFS /run/nginx.pid (nginx, uid 101)": {
			Path: "/run/nginx.pid", Errno: "EROFS", Source: diff.FromTrace, Writers: []diff.Writer{{Command: "nginx", UID: 101}, {Command: "sh"}},
		},
		"EACCES /f (in the logs)": diff.FromLine("/f", "EACCES", "open /f: permission denied", false),
	} {
		if got := e.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestEarlier(t *testing.T) {
	order := []observe.Phase{observe.Start, observe.E2E, observe.Restart, observe.Stop}
	for i, a := range order {
		for j, b := range order {
			if diff.Earlier(a, b) != (i < j) {
				t.Errorf("Earlier(%s, %s) = %t", a, b, i >= j)
			}
		}
	}
}

// TestInspectLargeFolder takes a folder for filled that has too much to be listed: the rest of it may be files.
func TestInspectLargeFolder(t *testing.T) {
	for n, want := range map[int]diff.Content{2000: diff.Empty, 2001: diff.Filled} {
		entries := []image.Entry{}
		for i := range n {
			entries = append(entries, image.Entry{Path: fmt.Sprintf("/srv/%04d", i), Kind: image.Dir, Mode: 0o755})
		}
		f, err := diff.Inspect(t.Context(), "/srv", image.NewMemTree(entries, nil))
		if err != nil || f.Content != want {
			t.Errorf("%d folders: %s, %v, want %s", n, f.Content, err, want)
		}
	}
}

func TestInspectNoFolder(t *testing.T) {
	tree, err := image.ParseMemTree("f 0644 0:0 /srv/file")
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]diff.Content{"/srv/file": diff.Absent, "/none": diff.Absent, "/srv": diff.Filled, "/": diff.Filled} {
		if f, err := diff.Inspect(t.Context(), at, tree); err != nil || f.Content != want {
			t.Errorf("%s: %s, %v, want %s", at, f.Content, err, want)
		}
	}
}

// TestManyCreatedFolders mounts up to 16 new folders of a shared parent separately, and the parent for more.
func TestManyCreatedFolders(t *testing.T) {
	tree, err := image.ParseMemTree("f 0644 0:0 /srv/web/index.html")
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]int{16: 16, 17: 1} {
		var run strings.Builder
		for i := range n {
			fmt.Fprintf(&run, "mkdir /srv/web/shard%c/ start\n", 'a'+i)
		}
		f, err := diff.Fold(t.Context(), collect(t, run.String()), tree, nil)
		if err != nil || len(f.Folders) != want {
			t.Errorf("%d folders: %d mounts, %v, want %d", n, len(f.Folders), err, want)
		}
	}
}

// TestOnAnyHost replaces a name where it is a whole word. A longer number, word or id that contains it is another name.
func TestOnAnyHost(t *testing.T) {
	const id = "3f2a1b4c5d6e"
	for _, c := range []struct{ text, name, want string }{
		{"/var/lib/node@" + id + "-features/" + id, id, "/var/lib/node@(host)-features/(host)"},
		{"/srv/db_" + id + ".log", id, "/srv/db_(host).log"},
		{"/srv/" + id + "0a1b", id, "/srv/" + id + "0a1b"},
		{"run-1 run-10 rerun-1 run-1", "run-1", "(host) run-10 rerun-1 (host)"},
		{"/var/lib/podinfo/pod", "pod", "/var/lib/podinfo/(host)"},
		{"/srv/a", "", "/srv/a"},
	} {
		if got := diff.OnAnyHost(c.text, c.name); got != c.want {
			t.Errorf("%s without %s: %s, want %s", c.text, c.name, got, c.want)
		}
	}
}
