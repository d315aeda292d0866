package seal

import (
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/observe/observetest"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// TestFix: the advice on an exception names what the failed run was refused.
func TestFix(t *testing.T) {
	tree, err := image.ParseMemTree("d 0755 0:0 /srv\nf 0640 7:8 /srv/key\n")
	if err != nil {
		t.Fatal(err)
	}
	sudo := observe.Trace{On: true, Note: "the setuid program sudo ran"}
	seeded := profile.Profile{User: profile.User{UID: 5, GID: 6}}.WithMount(profile.Mount{Path: "/srv", Kind: profile.Seeded})
	seededAsOwner := profile.Profile{User: profile.User{UID: 7}}.WithMount(profile.Mount{Path: "/srv", Kind: profile.Seeded})
	for _, c := range []struct {
		name, exception string
		open            observe.Trace
		profile         profile.Profile
		failed, want    string
	}{
		{"a setting", "runAsNonRoot", sudo, seeded, "", fixes["runAsNonRoot"]},
		{"a capability", "capabilities:CHOWN", sudo, seeded, "trace on\nopen /x start denied EACCES by app 5:5", fixes["CHOWN"]},
		{"an unknown capability", "capabilities:BPF", sudo, seeded, "", "change the application so that it does not need the capability"},
		{"a capability that files needed", "capabilities:MKNOD", sudo, seeded, "", fixes["MKNOD"] + " (the open run: mknod /dev/net/tun)"},
		{"escalation", "allowPrivilegeEscalation", observe.Trace{On: true}, seeded, "", fixes["allowPrivilegeEscalation"]},
		{"escalation, untraced", "allowPrivilegeEscalation", observe.Trace{Note: "x"}, seeded, "", fixes["allowPrivilegeEscalation"]},
		{
			"escalation, with the program", "allowPrivilegeEscalation", sudo, seeded, "",
			fixes["allowPrivilegeEscalation"] + " (the open run: the setuid program sudo ran)",
		},
		{
			"refused paths by their errors", "readOnlyRootFilesystem", sudo, seeded,
			"trace on\nopen /a start denied EROFS by app 5:5\nopen /b start denied EACCES by app 5:5\nopen /dev/null start denied EROFS by app 5:5",
			fixes["readOnlyRootFilesystem"] + " (uid 5 was refused /a)",
		},
		{
			"refused paths, at most three, each once", "runAsNonRoot", sudo, seeded,
			"log open /a: Permission denied\nlog open /b: Operation not permitted\nlog open /a: Permission denied\nlog open /c: Permission denied\nlog open /d: Permission denied",
			fixes["runAsNonRoot"] + " (uid 5 was refused /a, /b, /c)",
		},
		{
			"a copy of a folder that the logs do not name", "readOnlyRootFilesystem", sudo, seeded, "log mkdir: /.once exists",
			fixes["readOnlyRootFilesystem"],
		},
		{
			"a copy of a folder, and no refusal", "readOnlyRootFilesystem", sudo, seeded, "log /srv/key must belong to root",
			fixes["readOnlyRootFilesystem"] + " (the failed run had a copy of /srv, which belongs to uid 5)",
		},
		{"a rename over file systems", "readOnlyRootFilesystem", sudo, seeded, "log rename /tmp/x /srv/x: Invalid cross-device link", "neither a rename nor a hard link crosses file systems"},
		{"a rename over file systems is no reason for root", "runAsNonRoot", sudo, seeded, "log rename /tmp/x /srv/x: Invalid cross-device link", fixes["runAsNonRoot"]},
		{"a mount that is gone", "runAsNonRoot", sudo, profile.Profile{}, "failed-seed /srv cp: /srv/key: Permission denied", fixes["runAsNonRoot"]},
		{
			"a file that cannot be copied", "runAsNonRoot", sudo, seeded, "failed-seed /srv cp: failed",
			"uid 5 may not read /srv/key, which is 0640 and 7:8 in the image: `RUN chmod -R a+rX /srv` in the Dockerfile, or `COPY --chown=5:6` where it is added",
		},
		{
			"a copy that fails for another reason", "runAsNonRoot", sudo, seededAsOwner, "failed-seed /srv cp: failed",
			"read the logs of the init container of /srv, and let uid 7 copy all files that the image has there",
		},
		{
			"no disk space", "runAsNonRoot", sudo, seeded, "failed-seed /srv cp: failed\nlog cp: No space left on device",
			"the engine has no disk space for a copy of /srv",
		},
	} {
		failed, err := observetest.Parse(c.failed)
		if err != nil {
			t.Fatal(err)
		}
		used := []observe.Write{
			{Call: "mknod", Path: "/dev/net/tun", Outcome: observe.Allowed},
			{Call: "mknod", Path: "/dev/kvm", Outcome: observe.Denied},
			{Call: "open", Path: "/x", Outcome: observe.Allowed},
		}
		k := knowledge{in: plan.Input{Tree: tree}, open: observe.Observation{Trace: c.open, Writes: used}}
		got, err := k.fix(t.Context(), c.exception, c.profile, failed)
		if err != nil || got != c.want && (c.want == fixes["runAsNonRoot"] || !strings.Contains(got, c.want)) {
			t.Errorf("%s:\n got %s (%v)\nwant %s", c.name, got, err, c.want)
		}
	}
}

// TestFixOfChown: a volume of the pod gets its group from the pod, other folders get their owner from the Dockerfile.
func TestFixOfChown(t *testing.T) {
	volume := target.VolumeMount{Volume: "data", Path: "/data"}
	own := target.VolumeMount{Volume: "run", Path: "/run", Own: true}
	for paths, want := range map[string]string{
		"/data":        "remove the chown, and set fsGroup in the pod's securityContext to the group of the user that writes there: a kubelet gives the pod's volumes to that group (the open run: chown /data)",
		"/data/a /etc": fixes["CHOWN"] + " (the open run: chown /data/a, /etc)",
		"/run":         fixes["CHOWN"] + " (the open run: chown /run)",
		"":             fixes["CHOWN"],
	} {
		k := knowledge{in: plan.Input{Target: target.Target{Mounts: []target.VolumeMount{volume, own}}}}
		for _, p := range strings.Fields(paths) {
			k.open.Writes = append(k.open.Writes, observe.Write{Call: "chown", Path: p, Outcome: observe.Allowed})
		}
		if got, err := k.fix(t.Context(), "capabilities:CHOWN", profile.Profile{}, observe.Observation{}); err != nil || got != want {
			t.Errorf("%s:\n got %s (%v)\nwant %s", paths, got, err, want)
		}
	}
}

// TestChoiceOf: a choice has the letters of docker diff in a fixed order, and the first phase of its evidence.
func TestChoiceOf(t *testing.T) {
	for _, c := range []struct{ text, changes, phase string }{
		{"A /srv/a e2e", "A", "e2e"},
		{"D /srv/b stop\nC /srv/c restart\nA /srv/a e2e", "ACD", "e2e"},
		{"C /srv/c restart\nD /srv/d stop", "CD", "restart"},
		{"D /srv/d stop", "D", "stop"},
		{"A /srv/a e2e\nA /srv/b start", "A", "start"},
		{"trace on\nopen /srv/x e2e by app 5:5", "", "e2e"},
	} {
		o, err := observetest.Parse(c.text)
		if err != nil {
			t.Fatal(err)
		}
		got := choiceOf(folderOf("/srv", o))
		if got.Path != "/srv" || got.Changes != c.changes || string(got.Phase) != c.phase {
			t.Errorf("%q: %q in %q, want %q in %q", c.text, got.Changes, got.Phase, c.changes, c.phase)
		}
	}
}

// folderOf returns a written folder with all that an observation has as its evidence.
func folderOf(at string, o observe.Observation) diff.Folder {
	return diff.Folder{Path: at, Evidence: diff.Collect(o)}
}
