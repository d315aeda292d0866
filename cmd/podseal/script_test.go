//go:build unix

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/podseal/podseal/internal/exitcode"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"podseal": main})
}

// TestScripts runs command lines that are refused before an engine is needed: none answers.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
			root, err := filepath.Abs("../..")
			if err != nil {
				return err
			}
			e.Setenv("ROOT", root)
			return startRegistry(t, e)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"refused": refused},
	})
}

// foreign are words of Go's packages, which mean nothing to a user.
var foreign = regexp.MustCompile(`strconv|Go struct field|json:|(^|[^.])yaml: |unmarshal|docker\.example\.com|goroutine|bufio|0x[0-9a-f]{6}`)

// refused runs podseal with the arguments behind the first, and wants exit code 2, nothing on stdout, and on stderr one
// line that matches the first: "refused PATTERN run -f x.yaml".
func refused(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: refused PATTERN ARGUMENT...")
	}
	cmd := exec.Command("podseal", args[1:]...)
	cmd.Path, cmd.Err = podsealPath(ts), nil
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+ts.Getenv("DOCKER_HOST"), "DOCKER_API_VERSION="+ts.Getenv("DOCKER_API_VERSION"))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	text := stderr.String()
	ts.Logf("[stderr] %s", text)
	exit := new(exec.ExitError)
	if !errors.As(err, &exit) || exit.ExitCode() != exitcode.Usage {
		ts.Fatalf("%v, want exit code %d", err, exitcode.Usage)
	}
	if stdout.Len() > 0 || strings.Count(text, "\n") != 1 || !strings.HasPrefix(text, "podseal: ") {
		ts.Fatalf("want one line on stderr and nothing on stdout, got %q", stdout.String())
	}
	if word := foreign.FindString(text); word != "" {
		ts.Fatalf("%q is no word for a user", word)
	}
	if !regexp.MustCompile("(?m)" + args[0]).MatchString(text) {
		ts.Fatalf("stderr does not match %q", args[0])
	}
}

// podsealPath finds the command that TestMain installed.
func podsealPath(ts *testscript.TestScript) string {
	for _, dir := range strings.Split(ts.Getenv("PATH"), ":") {
		if st, err := os.Stat(dir + "/podseal"); err == nil && !st.IsDir() {
			return dir + "/podseal"
		}
	}
	ts.Fatalf("no podseal on the PATH")
	return ""
}
