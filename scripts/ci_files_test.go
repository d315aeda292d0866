package scripts_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// ciFiles are the files that users copy into their CI, and the action that they call.
var ciFiles = []string{"../action.yml", "../examples/github/podseal.yaml", "../examples/gitlab/podseal.gitlab-ci.yml"}

// entry is one key of a YAML file with its value, where that is a text.
type entry struct{ key, value string }

// entries returns the texts of a YAML file in order. The items of a list have the key of the list.
func entries(t *testing.T, file string) []entry {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return appendEntries(nil, "", &doc)
}

func appendEntries(out []entry, key string, n *yaml.Node) []entry {
	switch n.Kind {
	case yaml.ScalarNode:
		return append(out, entry{key, n.Value})
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			out = appendEntries(out, n.Content[i].Value, n.Content[i+1])
		}
	default:
		for _, c := range n.Content {
			out = appendEntries(out, key, c)
		}
	}
	return out
}

// TestActionsArePinned checks that every action is named by its commit, and that no image, version or runner is the latest.
func TestActionsArePinned(t *testing.T) {
	pinned := regexp.MustCompile(`^[\w.-]+/[\w./-]+@[0-9a-f]{40}$`)
	tagged := regexp.MustCompile(`^[\w./-]+:[\w.-]+(@sha256:[0-9a-f]{64})?$`)
	uses := 0
	for _, file := range ciFiles {
		for _, e := range entries(t, file) {
			switch e.key {
			case "uses":
				uses++
				if !pinned.MatchString(e.value) {
					t.Errorf("%s uses %s, which is not pinned by a commit", file, e.value)
				}
			case "image", "services":
				if !tagged.MatchString(e.value) {
					t.Errorf("%s runs %s, which has no tag", file, e.value)
				}
			}
			if e.key != "description" && strings.Contains(e.value, "latest") {
				t.Errorf("%s: %s is %q: nothing is the latest", file, e.key, e.value)
			}
		}
	}
	if uses != 6 {
		t.Errorf("%d actions are used, want 6", uses)
	}
}

// verbs returns the flags of each command of podseal, from docs/reference.md, which another test compares with the program.
func verbs(t *testing.T) map[string][]string {
	t.Helper()
	data, err := os.ReadFile("../docs/reference.md")
	if err != nil {
		t.Fatal(err)
	}
	flag := regexp.MustCompile(`(?m)^ {4,10}(?:-\w, | {4})(--[a-z-]+)`)
	out := map[string][]string{}
	for _, section := range strings.Split(string(data), "\n## podseal ")[1:] {
		name, body, _ := strings.Cut(section, "\n")
		out[name] = []string{}
		for _, m := range flag.FindAllStringSubmatch(body, -1) {
			out[name] = append(out[name], m[1])
		}
	}
	return out
}

// podsealCalls returns the arguments of each call of podseal in a file.
func podsealCalls(t *testing.T, file string) []string {
	t.Helper()
	var out []string
	for _, e := range entries(t, file) {
		switch e.key {
		case "args":
			out = append(out, e.value)
		case "script", "run":
			for line := range strings.Lines(e.value) {
				if args, ok := strings.CutPrefix(strings.TrimSpace(line), "podseal "); ok && !strings.HasPrefix(args, `"`) {
					out = append(out, args)
				}
			}
		}
	}
	return out
}

// TestCICallsExist checks the commands, the flags and the kinds of reports in the files that users copy.
func TestCICallsExist(t *testing.T) {
	known := verbs(t)
	kinds := []string{"json", "markdown", "junit", "sarif", "github", "gitlab", "html"}
	for _, file := range ciFiles[1:] {
		calls := podsealCalls(t, file)
		if len(calls) != 2 {
			t.Errorf("%s calls podseal %d times, want a check and a rerun: %q", file, len(calls), calls)
		}
		for _, call := range calls {
			words := strings.Fields(call)
			flags, ok := known[words[0]]
			if !ok {
				t.Errorf("%s calls podseal %s, which does not exist", file, words[0])
			}
			for i, w := range words[1:] {
				if strings.HasPrefix(w, "--") && !slices.Contains(flags, w) {
					t.Errorf("%s calls podseal %s %s, which does not exist", file, words[0], w)
				}
				if kind, _, ok := strings.Cut(w, "="); ok && (words[i] != "--report" || !slices.Contains(kinds, kind)) {
					t.Errorf("%s writes the report %s, which does not exist", file, w)
				}
			}
		}
	}
}

// TestChecksumComesFirst checks that the GitLab template unpacks nothing before it has compared the checksum.
func TestChecksumComesFirst(t *testing.T) {
	var steps []string
	for _, e := range entries(t, ciFiles[2]) {
		if e.key == "before_script" {
			steps = append(steps, e.value)
		}
	}
	at := func(text string) int {
		return slices.IndexFunc(steps, func(s string) bool { return strings.Contains(s, text) })
	}
	if load, sum, unpack := at("curl -f"), at("sha256sum -c"), at("tar -x"); load < 0 || sum < load || unpack < sum {
		t.Errorf("want curl, then sha256sum -c, then tar: %q", steps)
	}
}

// TestPermissions checks that the workflow grants nothing by default, and writes nothing but the upload of SARIF.
func TestPermissions(t *testing.T) {
	var workflow struct {
		Permissions map[string]string `yaml:"permissions"`
		Jobs        map[string]struct {
			Permissions map[string]string `yaml:"permissions"`
		} `yaml:"jobs"`
	}
	data, err := os.ReadFile(ciFiles[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, &workflow); err != nil {
		t.Fatal(err)
	}
	if workflow.Permissions == nil || len(workflow.Permissions) > 0 {
		t.Errorf("the workflow grants %v by default, want permissions: {}", workflow.Permissions)
	}
	if len(workflow.Jobs) != 2 {
		t.Errorf("there are %d jobs, want 2", len(workflow.Jobs))
	}
	for name, job := range workflow.Jobs {
		for scope, grant := range job.Permissions {
			if grant != "read" && (name != "check" || scope != "security-events") {
				t.Errorf("the job %s has %s: %s", name, scope, grant)
			}
		}
	}
}
