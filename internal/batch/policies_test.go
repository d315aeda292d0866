package batch

import (
	"context"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/engine/enginetest"
	"github.com/podseal/podseal/internal/needs"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/seal"
)

// oneNetwork has the service api at one address.
type oneNetwork struct{}

func (oneNetwork) CreateNetwork(context.Context, string) (string, error) { return "net", nil }
func (oneNetwork) RemoveNetwork(context.Context, string) error           { return nil }

func (oneNetwork) NetworkAddresses(context.Context, string) (map[string][]netip.Addr, error) {
	return map[string][]netip.Addr{"api": {netip.MustParseAddr("172.20.0.3")}}, nil
}

const shop = `
-- podseal.yaml --
version: 1
targets:
  - {name: web, image: app, needs: [api], commands: [{exec: e2e}], outputs: {manifest: web.yaml, networkPolicy: web-policy.yaml, egress: true}}
  - {name: api, image: app, commands: [{exec: e2e}], outputs: {manifest: api.yaml, networkPolicy: api-policy.yaml}}
  - {name: idle, image: app, commands: [{exec: e2e}]}
`

// TestPoliciesOfTargets: the policies of all targets are written when all have ended, from the connections that were seen.
func TestPoliciesOfTargets(t *testing.T) {
	writeFiles(t, txtar.Parse([]byte(shop)))
	f, items, err := loadConfig(t, "podseal.yaml", "web", "api")
	if err != nil {
		t.Fatal(err)
	}
	w, err := OpenAll(f, items)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	app, _, err := enginetest.Parse(txtar.Parse([]byte(application + "start listen 8080\nstart connect 172.20.0.3:8080\n")))
	if err != nil {
		t.Fatal(err)
	}
	app.Traced = true
	written := map[int]string{}
	synctest.Test(t, func(t *testing.T) {
		All(t.Context(), needs.New(app, oneNetwork{}), items, AllOptions{
			Parallel: 2,
			Options: func(int) Options {
				return Options{Seal: seal.Options{Minimize: seal.MinimizeNone, Parallel: 1}, Policy: report.Policy{}}
			},
			Finished: func(i int, f Finished) {
				if f.Err != nil {
					t.Fatal(f.Err)
				}
				if err := deliverTo(w, i, f); err != nil {
					t.Error(err)
				}
			},
		})
		if text, err := os.ReadFile("web-policy.yaml"); err == nil && len(text) > 0 {
			t.Error("a policy is written before all targets have ended")
		}
		w.WritePolicies(items, func(i int, made *report.Companion, err error) {
			if err != nil {
				t.Fatal(err)
			}
			written[i] = made.File
		})
	})
	if written[0] != "web-policy.yaml" || written[1] != "api-policy.yaml" {
		t.Errorf("written: %v", written)
	}
	for file, want := range map[string]string{
		"api-policy.yaml": "  - from:\n    - podSelector:\n        matchLabels:\n          app.kubernetes.io/name: web\n    ports:\n    - protocol: UDP\n      port: 8080\n",
		"web-policy.yaml": "  - to:\n    - podSelector:\n        matchLabels:\n          app.kubernetes.io/name: api\n    ports:\n    - protocol: UDP\n      port: 8080\n",
	} {
		text, err := os.ReadFile(file)
		if pod, _ := os.ReadFile(strings.Replace(file, "-policy", "", 1)); !strings.Contains(string(pod), "app.kubernetes.io/name: "+file[:3]) {
			t.Errorf("the policies do not select the Pod\n%s", pod)
		}
		if err != nil || !strings.Contains(string(text), want) || !strings.Contains(string(text), "the run has nothing of idle") {
			t.Errorf("%s: %v\n%s\nwant\n%s", file, err, text, want)
		}
	}
}
