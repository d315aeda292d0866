// Package archtest tests the project's structure and prose: which package may import which, how large its pieces may be,
// and how its comments and pages are worded.
package archtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/podseal/podseal/"

// allowed returns, for each package, the packages of the project that it may import. The order is that of the layers, the
// lowest first: a package may only name packages before itself, so that there is no cycle. A package that is missing in
// the table fails.
func allowed() []rule {
	return []rule{
		{pkg: "internal/safetext"},
		{pkg: "internal/termtext"},
		{pkg: "internal/exitcode"},
		{pkg: "internal/finding"},
		{pkg: "internal/outfile"},
		{pkg: "internal/infile", may: []string{"internal/outfile"}},
		{pkg: "internal/shell"},
		{pkg: "internal/spelling"},
		{pkg: "internal/unified"},
		{pkg: "internal/tree"},
		{pkg: "internal/profile", may: []string{"internal/shell"}},
		{pkg: "internal/target", may: []string{"internal/profile", "internal/shell"}},
		{pkg: "internal/observe"},
		{pkg: "internal/observe/observetest", may: []string{"internal/observe"}},
		{pkg: "internal/image"},
		{pkg: "internal/podspec", may: []string{"internal/image", "internal/profile", "internal/target", "internal/tree"}},
		{pkg: "internal/yamledit", may: []string{"internal/tree"}},
		{pkg: "internal/manifest", may: []string{"internal/podspec", "internal/target", "internal/tree", "internal/yamledit"}},
		{pkg: "internal/pod", may: []string{"internal/manifest", "internal/profile", "internal/target", "internal/yamledit"}},
		{pkg: "internal/strictyaml", may: []string{"internal/spelling", "internal/yamledit"}},
		{pkg: "internal/config", may: []string{"internal/strictyaml", "internal/target", "internal/yamledit"}},
		{pkg: "internal/composefile", may: []string{"internal/infile"}},
		{pkg: "internal/helmchart", may: []string{"internal/infile"}},
		{pkg: "internal/input", may: []string{"internal/composefile", "internal/config", "internal/helmchart", "internal/infile", "internal/manifest", "internal/outfile", "internal/pod", "internal/target", "internal/yamledit"}},
		{pkg: "internal/draft", may: []string{"internal/composefile", "internal/config", "internal/helmchart", "internal/infile", "internal/input", "internal/outfile", "internal/safetext", "internal/target"}},
		{pkg: "internal/diff", may: []string{"internal/image", "internal/observe", "internal/profile", "internal/safetext", "internal/termtext"}},
		{pkg: "internal/plan", may: []string{"internal/diff", "internal/image", "internal/observe", "internal/profile", "internal/target"}},
		{pkg: "internal/loss", may: []string{"internal/diff", "internal/image", "internal/observe", "internal/plan", "internal/profile"}},
		{pkg: "internal/emit", may: []string{"internal/image", "internal/manifest", "internal/podspec", "internal/profile", "internal/shell", "internal/target", "internal/tree", "internal/unified", "internal/yamledit"}},
		{pkg: "internal/trace/wire", may: []string{"internal/observe"}},
		{pkg: "internal/trace/syscalls"},
		{pkg: "internal/trace/procnet"},
		{pkg: "internal/trace/loader"},
		{pkg: "internal/trace/streams"},
		{pkg: "internal/trace/sensor", may: []string{"internal/trace/syscalls", "internal/trace/wire"}},
		{pkg: "internal/trace/observer", may: []string{"internal/observe", "internal/trace/procnet", "internal/trace/syscalls", "internal/trace/wire"}},
		{pkg: "internal/trace", may: []string{"internal/observe", "internal/trace/wire"}},
		{pkg: "internal/inside", may: []string{"internal/trace/observer", "internal/trace/procnet", "internal/trace/sensor", "internal/trace/streams", "internal/trace/wire"}},
		{pkg: "internal/engine", may: []string{"internal/image", "internal/observe", "internal/profile", "internal/target"}},
		{pkg: "internal/golden"},
		{pkg: "internal/golden/schematest"},
		{pkg: "internal/engine/enginetest/script"},
		{pkg: "internal/engine/enginetest", may: []string{"internal/engine", "internal/engine/enginetest/script", "internal/golden", "internal/image", "internal/observe", "internal/profile", "internal/target"}},
		{pkg: "internal/probe", may: []string{"internal/engine", "internal/target"}},
		{pkg: "internal/trial", may: []string{"internal/engine", "internal/image", "internal/observe", "internal/probe", "internal/profile", "internal/target"}},
		{pkg: "internal/needs", may: []string{"internal/engine", "internal/image", "internal/observe", "internal/probe", "internal/profile", "internal/target", "internal/trial"}},
		{pkg: "internal/race"},
		{pkg: "internal/seal", may: []string{"internal/diff", "internal/engine", "internal/image", "internal/loss", "internal/observe", "internal/plan", "internal/profile", "internal/race", "internal/target", "internal/trial"}},
		{pkg: "internal/docker/buildstream", may: []string{"internal/infile"}},
		{pkg: "internal/docker", may: []string{"internal/docker/buildstream", "internal/engine", "internal/image", "internal/observe"}},
		{pkg: "internal/docker/dockertest"},
		{pkg: "internal/tracehost", may: []string{"internal/docker", "internal/image", "internal/inside", "internal/trace", "internal/trace/streams"}},
		{pkg: "internal/podrun", may: []string{"internal/docker", "internal/engine", "internal/image", "internal/inside", "internal/observe", "internal/probe", "internal/profile", "internal/target", "internal/trace", "internal/tracehost"}},
		{pkg: "internal/cluster/kube"},
		{pkg: "internal/cluster/clustertest"},
		{pkg: "internal/cluster/kubetest", may: []string{"internal/cluster/kube", "internal/docker/dockertest"}},
		{pkg: "internal/cluster/source", may: []string{"internal/engine", "internal/image"}},
		{pkg: "internal/cluster/network"},
		{pkg: "internal/cluster/podtrace", may: []string{"internal/cluster/kube", "internal/inside", "internal/podspec", "internal/trace", "internal/trace/loader", "internal/trace/wire"}},
		{pkg: "internal/cluster", may: []string{"internal/cluster/kube", "internal/cluster/network", "internal/cluster/podtrace", "internal/cluster/source", "internal/engine", "internal/image", "internal/inside", "internal/observe", "internal/podspec", "internal/profile", "internal/shell", "internal/target", "internal/trace", "internal/trace/procnet", "internal/tree"}},
		{pkg: "internal/cluster/workload", may: []string{"internal/manifest"}},
		{pkg: "internal/cluster/verify", may: []string{"internal/cluster", "internal/cluster/kube", "internal/cluster/workload", "internal/engine", "internal/image", "internal/input", "internal/manifest", "internal/observe", "internal/plan", "internal/probe", "internal/profile", "internal/safetext", "internal/target", "internal/trial"}},
		{pkg: "internal/advise/shellscript"},
		{pkg: "internal/redact"},
		{pkg: "internal/report/sarif", may: []string{"internal/finding", "internal/safetext"}},
		{pkg: "internal/advise/launch", may: []string{"internal/advise/shellscript", "internal/image", "internal/redact"}},
		{pkg: "internal/advise/dockerfile", may: []string{"internal/advise/launch", "internal/advise/shellscript", "internal/image", "internal/unified"}},
		{pkg: "internal/advise", may: []string{"internal/advise/dockerfile", "internal/advise/launch", "internal/finding", "internal/image", "internal/manifest", "internal/profile", "internal/report/sarif", "internal/safetext", "internal/termtext"}},
		{pkg: "internal/advise/survey", may: []string{"internal/advise", "internal/advise/dockerfile", "internal/engine", "internal/image", "internal/infile", "internal/input", "internal/manifest", "internal/outfile"}},
		{pkg: "internal/advise/sealing", may: []string{"internal/advise", "internal/docker", "internal/engine", "internal/image", "internal/observe", "internal/plan", "internal/profile", "internal/redact", "internal/seal", "internal/target", "internal/trial"}},
		{pkg: "internal/report", may: []string{"internal/diff", "internal/exitcode", "internal/finding", "internal/loss", "internal/observe", "internal/plan", "internal/profile", "internal/redact", "internal/safetext", "internal/seal", "internal/target", "internal/termtext", "internal/trial"}},
		{pkg: "internal/report/annotations", may: []string{"internal/finding", "internal/safetext"}},
		{pkg: "internal/report/junit", may: []string{"internal/finding", "internal/report", "internal/safetext"}},
		{pkg: "internal/report/htmlpage", may: []string{"internal/exitcode", "internal/finding", "internal/profile", "internal/redact", "internal/report", "internal/safetext", "internal/seal"}},
		{pkg: "internal/report/views", may: []string{"internal/finding", "internal/report", "internal/report/annotations", "internal/report/htmlpage", "internal/report/junit", "internal/report/sarif"}},
		{pkg: "internal/interrupt"},
		{pkg: "internal/doctor", may: []string{"internal/safetext"}},
		{pkg: "internal/doctor/examine", may: []string{"internal/cluster/kube", "internal/cluster/podtrace", "internal/docker", "internal/doctor", "internal/image", "internal/inside", "internal/podrun", "internal/profile", "internal/target", "internal/tracehost"}},
		{pkg: "internal/engines", may: []string{"internal/cluster", "internal/cluster/kube", "internal/cluster/source", "internal/docker", "internal/engine", "internal/exitcode", "internal/needs", "internal/podrun", "internal/trace"}},
		{pkg: "internal/sealfile", may: []string{"internal/advise/shellscript", "internal/diff", "internal/image", "internal/loss", "internal/observe", "internal/plan", "internal/profile", "internal/redact", "internal/safetext", "internal/seal", "internal/strictyaml", "internal/target", "internal/trial", "internal/yamledit"}},
		{pkg: "internal/gate", may: []string{"internal/diff", "internal/finding", "internal/manifest", "internal/observe", "internal/podspec", "internal/profile", "internal/seal", "internal/sealfile", "internal/yamledit"}},
		{pkg: "internal/compare", may: []string{"internal/diff", "internal/observe", "internal/profile", "internal/safetext", "internal/seal", "internal/sealfile"}},
		{pkg: "internal/apiuse", may: []string{"internal/manifest", "internal/observe", "internal/target"}},
		{pkg: "internal/deliver", may: []string{"internal/apiuse", "internal/config", "internal/emit", "internal/image", "internal/manifest", "internal/observe", "internal/outfile", "internal/profile", "internal/redact", "internal/report", "internal/target"}},
		{pkg: "internal/batch", may: []string{"internal/apiuse", "internal/config", "internal/deliver", "internal/engine", "internal/exitcode", "internal/image", "internal/input", "internal/manifest", "internal/needs", "internal/observe", "internal/plan", "internal/profile", "internal/race", "internal/redact", "internal/report", "internal/seal", "internal/target", "internal/trial"}},
		{pkg: "internal/referrer"},
		{pkg: "internal/seals", may: []string{"internal/batch", "internal/config", "internal/deliver", "internal/emit", "internal/engine", "internal/exitcode", "internal/finding", "internal/gate", "internal/helmchart", "internal/image", "internal/infile", "internal/input", "internal/manifest", "internal/outfile", "internal/plan", "internal/referrer", "internal/report", "internal/seal", "internal/sealfile", "internal/target", "internal/trial"}},
		{pkg: "internal/result", may: []string{"internal/batch", "internal/deliver", "internal/exitcode", "internal/manifest", "internal/redact", "internal/report", "internal/safetext", "internal/sealfile", "internal/seals"}},
		{pkg: "internal/archtest"},
		{pkg: "cmd/podseal", may: []string{"internal/*"}},
		{pkg: "cmd/podseal-inside", may: []string{"internal/inside"}},
		{pkg: "e2e"},
		{pkg: "scripts"},
		{pkg: "scripts/mutate"},
	}
}

type rule struct {
	pkg string
	may []string
}

// pure returns the packages that take values and return values. They reach nothing outside the process.
func pure() []string {
	return []string{
		"internal/config", "internal/profile", "internal/target", "internal/observe", "internal/diff", "internal/plan", "internal/loss", "internal/emit",
		"internal/manifest", "internal/pod", "internal/podspec", "internal/shell", "internal/tree", "internal/strictyaml", "internal/unified", "internal/yamledit", "internal/apiuse", "internal/finding", "internal/gate",
	}
}

// impure returns the imports, by prefix, that a pure package may not have.
func impure() []string {
	return []string{
		"github.com/docker/", "github.com/moby/", "github.com/spf13/cobra", "net", "os", "os/exec", "os/signal", "os/user",
		"syscall", "golang.org/x/sys",
	}
}

// pkg is a package as go list describes it.
type pkg struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func (p pkg) name() string { return strings.TrimPrefix(p.ImportPath, module) }

func packages(t *testing.T) []pkg {
	t.Helper()
	all, err := listed()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// listed asks go list once for all tests. Programs in examples are left out: they are separate, made to be copied.
var listed = sync.OnceValues(func() ([]pkg, error) {
	out, err := exec.Command("go", "list", "-tags", "engine", "-json=ImportPath,Imports,TestImports,XTestImports", module+"...").Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var all []pkg
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(p.name(), "examples/") {
			all = append(all, p)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("go list shows no package")
	}
	return all, nil
})

func TestLayers(t *testing.T) {
	table := map[string][]string{}
	var lower []string
	for _, r := range allowed() {
		for _, name := range r.may {
			if name != "internal/*" && !slices.Contains(lower, name) {
				t.Errorf("the table lets %s import %s, which does not come before it", r.pkg, name)
			}
		}
		table[r.pkg] = r.may
		lower = append(lower, r.pkg)
	}
	for _, p := range packages(t) {
		may, ok := table[p.name()]
		if !ok {
			t.Errorf("package %s is not in the table of this test: say there what it may import", p.name())
			continue
		}
		for _, path := range p.Imports {
			name, own := strings.CutPrefix(path, module)
			if own && !slices.Contains(may, name) && !slices.Contains(may, "internal/*") {
				t.Errorf("%s imports %s, which the table does not allow", p.name(), name)
			}
		}
	}
}

// TestContributingNamesEveryPackage makes sure that the layers in CONTRIBUTING.md are complete and in the order of the table.
func TestContributingNamesEveryPackage(t *testing.T) {
	page, err := os.ReadFile(root + "CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, layers, _ := strings.Cut(string(page), "\n## Layers\n")
	layers, _, _ = strings.Cut(layers, "\n## ")
	row := func(name string) int { // the line of the table that names a package in its second column
		return slices.IndexFunc(strings.Split(layers, "\n"), func(l string) bool {
			columns := strings.Split(l, "|")
			return len(columns) > 2 && strings.Contains(columns[2], "`"+name+"`")
		})
	}
	for _, r := range allowed() {
		name, internal := strings.CutPrefix(r.pkg, "internal/")
		if !internal || strings.Contains(name, "/") {
			continue
		}
		if row(name) < 0 {
			t.Errorf("CONTRIBUTING.md does not name %s in its layers", name)
		}
		for _, below := range r.may {
			if below, _ = strings.CutPrefix(below, "internal/"); row(below) > row(name) {
				t.Errorf("CONTRIBUTING.md has %s in a layer below %s, which imports it", below, name)
			}
		}
	}
}

func TestPurePackages(t *testing.T) {
	for _, p := range packages(t) {
		if !slices.Contains(pure(), p.name()) {
			continue
		}
		for _, path := range p.Imports {
			for _, bad := range impure() {
				if path == bad || strings.HasPrefix(path, strings.TrimSuffix(bad, "/")+"/") {
					t.Errorf("%s imports %s, but may take and return values only", p.name(), path)
				}
			}
		}
	}
}

// TestOnePackageKnowsDocker makes sure that a change of the client library changes one package.
func TestOnePackageKnowsDocker(t *testing.T) {
	for _, p := range packages(t) {
		if p.name() == "internal/docker" {
			continue
		}
		for _, path := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if strings.HasPrefix(path, "github.com/docker/") {
				t.Errorf("%s imports %s: only internal/docker may", p.name(), path)
			}
		}
	}
}
