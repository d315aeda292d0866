package dockerfile_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/podseal/podseal/internal/advise/dockerfile"
	"github.com/podseal/podseal/internal/golden"
	"github.com/rogpeppe/go-internal/txtar"
)

// base returns what is known of the base images of the goldens.
func base(ref string) dockerfile.Base {
	none, app := "", "app"
	name, _, _ := strings.Cut(ref, ":")
	switch name {
	case "scratch":
		return dockerfile.Base{Family: dockerfile.Scratch, User: &none}
	case "alpine":
		return dockerfile.Base{Family: dockerfile.Alpine, User: &none, Accounts: map[string]string{"nobody": "65534:65534"}}
	case "debian":
		return dockerfile.Base{Family: dockerfile.Debian, User: &none, Accounts: map[string]string{"www-data": "33:33"}}
	case "ubi":
		return dockerfile.Base{Family: dockerfile.RedHat, User: &none}
	case "minimal":
		return dockerfile.Base{Family: dockerfile.Minimal, User: &none}
	case "distroless":
		return dockerfile.Base{Family: dockerfile.Distroless, User: &none, Accounts: map[string]string{"nonroot": "65532:65532"}, Prefer: "nonroot"}
	case "service": // its entrypoint becomes its own account
		return dockerfile.Base{Family: dockerfile.Debian, User: &none, Accounts: map[string]string{"svc": "999:998"}, Prefer: "svc", Drops: "svc"}
	case "named":
		return dockerfile.Base{Family: dockerfile.Debian, User: &app, Accounts: map[string]string{"app": "1654:1655"}, Env: map[string]string{"APP_UID": "1654"}}
	}
	return dockerfile.Base{}
}

// Each archive holds a Dockerfile, with its build context, arguments, target and folders, and what comes out: the
// findings, the notes of the change, and the diff.
func TestDockerfiles(t *testing.T) {
	golden.Run(t, "testdata/*.txtar", func(t *testing.T, a *txtar.Archive) []txtar.File {
		opts := dockerfile.Options{Base: base, Args: map[string]string{}, Target: strings.TrimSpace(golden.Section(a, "target"))}
		opts.Writes = strings.Fields(golden.Section(a, "writes"))
		for _, kv := range strings.Fields(golden.Section(a, "args")) {
			name, value, _ := strings.Cut(kv, "=")
			opts.Args[name] = value
		}
		context := fstest.MapFS{}
		for _, f := range a.Files {
			if name, ok := strings.CutPrefix(f.Name, "context/"); ok {
				context[name] = &fstest.MapFile{Data: f.Data, Mode: fs.ModePerm}
				opts.Context = context
			}
		}
		return golden.Want(outcome(t, []byte(golden.Section(a, "Dockerfile")), opts))
	})
}

// outcome checks a Dockerfile, and that the change is the last one that it needs.
func outcome(t *testing.T, data []byte, opts dockerfile.Options) string {
	t.Helper()
	r, err := dockerfile.Check(data, opts)
	if err != nil {
		var syntax *dockerfile.SyntaxError
		return fmt.Sprintf("error: %v\nsyntax error: %v\n", err, errors.As(err, &syntax))
	}
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%d: %s: %s\n", f.Line, f.Rule, f.Says)
	}
	for _, s := range r.Says {
		fmt.Fprintln(&b, "#", s)
	}
	switch {
	case r.Refused != "":
		fmt.Fprintln(&b, "refused:", r.Refused)
	case r.Fine:
		fmt.Fprintln(&b, "fine")
	default:
		if again, err := dockerfile.Check(r.Patched, opts); err != nil || !again.Fine || again.Diff != "" {
			t.Errorf("a second run changes it again (%v):\n%s", err, again.Diff)
		}
	}
	if r.Diff == "" && !bytes.Equal(data, r.Patched) {
		t.Error("there is no diff, and yet a change")
	}
	return b.String() + r.Diff
}

// Hostile Dockerfiles end soon: variables that double, scripts that nest.
func TestHostileDockerfiles(t *testing.T) {
	for name, text := range map[string]string{
		"doubled ENV":     "FROM alpine\nENV A=xxxxxxxxxxxxxxxx\n" + strings.Repeat("ENV A=$A$A\n", 64) + "USER $A\n",
		"doubled ARG":     "FROM alpine\nARG A=xxxxxxxxxxxxxxxx\n" + strings.Repeat("ARG A=$A$A\n", 64) + "RUN useradd $A\n",
		"long word":       "FROM alpine\nENV A=" + strings.Repeat("x", 4000) + "\nUSER " + strings.Repeat("$A", 1000) + "\n",
		"nested brackets": "FROM alpine\nRUN " + strings.Repeat("(", 60_000) + "\n",
		"nested shells":   "FROM alpine\nRUN sh -c \"sh -c 'sh -c \\\"sh -c useradd\\\"'\"\n",
		"no arguments":    "FROM alpine\nUSER\nWORKDIR\nSHELL\nRUN\nONBUILD\nCOPY\nENTRYPOINT\nCMD\nEXPOSE\nVOLUME\n",
		"shell of itself": "FROM alpine\nENV A=\"sh -c \\\"\\$A\\\"\"\nRUN sh -c \"$A\"\n",
		"pipe to itself":  "FROM alpine\nENV A=\"echo \\\"\\$A\\\" | sh\"\nRUN echo \"$A\" | sh\n",
		"setcap of less":  "FROM alpine\nRUN setcap cap_chown=ep\n",
		"copy of a later": "FROM alpine AS a\nCOPY --from=b /x /y\nCOPY --from=7 /x /y\nCOPY --from=a /x /y\nFROM a AS b\nUSER x\n",
	} {
		if _, err := dockerfile.Check([]byte(text), dockerfile.Options{Base: base}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A last line without a line feed gets one only where the change adds a line behind it.
func TestNoLineFeedAtTheEnd(t *testing.T) {
	for text, want := range map[string]string{
		"FROM distroless\nUSER root\nCMD [\"x\"]":         "FROM distroless\nUSER 65532:65532\nCMD [\"x\"]",
		"FROM distroless\nCOPY x /x":                      "FROM distroless\nCOPY x /x\nUSER 65532:65532",
		"FROM distroless\nVOLUME /data\nCOPY x /data/x":   "FROM distroless\nVOLUME /data\nCOPY --chown=65532:65532 x /data/x\nUSER 65532:65532",
		"FROM distroless\nVOLUME /data\nCOPY x /data/x\n": "FROM distroless\nVOLUME /data\nCOPY --chown=65532:65532 x /data/x\nUSER 65532:65532\n",
	} {
		r, err := dockerfile.Check([]byte(text), dockerfile.Options{Base: base})
		if err != nil || string(r.Patched) != want {
			t.Errorf("%q:\n got %q (%v)\nwant %q", text, r.Patched, err, want)
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("FROM alpine\nRUN adduser -D -u ${U:-5} app && install -d -o app -m 1777 /d\nVOLUME /d\nUSER app\n")
	f.Add("FROM scratch\nCOPY --from=0 /etc /etc\nRUN echo 'a:x:1:1::/:' >> /etc/passwd\nONBUILD RUN x\nENTRYPOINT [\"/e\"]\n")
	f.Add("FROM debian\nRUN <<EOF\nuseradd a\nEOF\nCOPY <<E /e\n#!/bin/sh\nexec gosu a b\nE\nENTRYPOINT /e\nEXPOSE 80-90/udp\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := dockerfile.Check([]byte(text), dockerfile.Options{Base: base, Context: fstest.MapFS{}})
		if err != nil || r.Diff == "" {
			return
		}
		if again, err := dockerfile.Check(r.Patched, dockerfile.Options{Base: base, Context: fstest.MapFS{}}); err != nil || again.Diff != "" {
			t.Fatalf("a second run changes it again (%v)\n%q\n%s", err, text, again.Diff)
		}
	})
}
