package verify

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/observe"
)

// TestFieldsOf: the fields that the sentences of the API server blame.
func TestFieldsOf(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		refusal kube.Refusal
		want    []string
	}{
		{kube.Refusal{Kind: kube.Invalid, Fields: []string{"spec.containers[0].image"}}, []string{"spec.containers[0].image"}},
		{
			kube.Refusal{Kind: kube.PodSecurity, Text: `allowPrivilegeEscalation != false (container "web" must set securityContext.allowPrivilegeEscalation=false), ` +
				`unrestricted capabilities (container "web" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "web" must set securityContext.runAsNonRoot=true)`},
			[]string{"securityContext.allowPrivilegeEscalation", "securityContext.capabilities.drop", "securityContext.runAsNonRoot"},
		},
		{kube.Refusal{Kind: kube.Quota, Text: "failed quota: small: must specify limits.cpu for: web; limits.memory for: web"}, []string{"resources.limits.cpu"}},
		{kube.Refusal{Kind: kube.Quota, Text: "exceeded quota: small, requested: pods=1,requests.memory=1Gi, used: pods=0,requests.memory=0, limited: pods=0,requests.memory=64Mi"}, []string{"pods", "resources.requests.memory"}},
		{kube.Refusal{Kind: kube.Limits, Text: "[maximum memory usage per Container is 64Mi, but limit is 1Gi, minimum cpu usage per Pod is 100m, but request is 1m]"}, []string{"resources.limits.memory", "resources.requests.cpu"}},
		{kube.Refusal{Kind: kube.Invalid, Text: `strict decoding error: unknown field "spec.containers[0].bogus"`}, []string{"spec.containers[0].bogus"}},
		{kube.Refusal{Kind: kube.Webhook, Text: "no"}, []string{""}},
	} {
		if d := cmp.Diff(x.want, fieldsOf(&x.refusal)); d != "" {
			t.Errorf("%s: -want +got:\n%s", x.refusal.Text, d)
		}
	}
}

// TestDifferences: the failure comes first, then denied paths, events, and the last line of the application.
func TestDifferences(t *testing.T) {
	t.Parallel()
	o := observe.Observation{
		Logs: "open /var/app/x: read-only file system\nopen /var/app/x: read-only file system\ncannot go on\n",
		Commands: []observe.CommandResult{
			{Command: "ok"}, {Command: "curl", Code: 22, Output: "mkdir /tmp/up: permission denied\n"},
		},
	}
	got := differences(observe.Failure{Kind: observe.CommandFailed, Text: "`curl` exited 22"}, o, []string{"Unhealthy: Readiness probe failed"})
	want := []Difference{
		{Command, "curl", "`curl` exited 22"},
		{Denied, "/var/app/x", "open /var/app/x: read-only file system"},
		{Denied, "/tmp/up", "mkdir /tmp/up: permission denied"},
		{Event, "Unhealthy", "Unhealthy: Readiness probe failed"},
		{Log, "", "cannot go on"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	for kind, f := range map[Source]observe.Failure{
		Denied:  {Kind: observe.SeedFailed, Path: "/etc/app", Text: "seeding /etc/app"},
		Setting: {Kind: observe.PodFailed, Text: "the kubelet cannot create container web: CreateContainerConfigError: runAsNonRoot"},
		State:   {Kind: observe.Exited, Text: "exited 1"},
	} {
		if got := differences(f, observe.Observation{}, nil); len(got) != 1 || got[0].Source != kind {
			t.Errorf("%+v: %+v", f, got)
		}
	}
	many := slices.Repeat([]string{"Failed: x"}, 100)
	if got := differences(observe.Failure{}, observe.Observation{}, many); len(got) != 1+most {
		t.Errorf("%d differences of many events", len(got))
	}
}

// TestWriteText: the verdict is in the first line.
func TestWriteText(t *testing.T) {
	t.Parallel()
	commands := []observe.CommandResult{{Command: "curl", Phase: observe.E2E, Took: time.Second}, {Command: "psql", Code: 1, Phase: observe.Restart}}
	for want, r := range map[string]Result{
		"Deployment web on kind: agreed: it passes there as it passed under Docker, also after a restart of its container over the same volumes (ready after 2.0 s)\n" +
			"  passed       `curl` (e2e, 1.0 s)\n  failed       `psql` exited 1 (restart, 0.0 s)\n  note         n\n": {
			Verdict: Agreed, Restarted: true, ReadySecond: 2, Commands: commands, Notes: []string{"n"},
		},
		"Deployment web on kind: NOT agreed: it passed under Docker and fails there: exited 1\n  denied path  /x: mkdir failed\n": {
			Verdict: Differs, Failure: "exited 1", Differences: []Difference{{Denied, "/x", "mkdir failed"}},
		},
		"Deployment web on kind: refused: the cluster does not admit it\n  setting      pods: quota small\n": {
			Verdict: Refused, Differences: []Difference{{Setting, "pods", "quota small"}},
		},
		"Deployment web on kind: not decided: it was killed\n": {Verdict: Undecided, Failure: "it was killed"},
	} {
		r.Workload, r.Cluster = "Deployment web", "kind"
		var b bytes.Buffer
		if err := WriteText(&b, r); err != nil || b.String() != want {
			t.Errorf("got %s(%v)\nwant %s", b.String(), err, want)
		}
	}
	var b bytes.Buffer
	_ = WriteText(&b, Result{Workload: "Pod \x1b[31m\nx"})
	if strings.ContainsAny(strings.TrimSuffix(b.String(), "\n"), "\x1b\n") {
		t.Errorf("%q is not safe for a terminal", b.String())
	}
}
