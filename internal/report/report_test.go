package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/podseal/podseal/internal/loss"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/trial"
)

func textOf(t *testing.T, res seal.Result, opt TextOptions) string {
	t.Helper()
	var buf bytes.Buffer
	if err := New(res).Text(&buf, opt); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

// TestTextKeepsTheWidth allows a longer line only for a word that cannot be broken, and for what is quoted.
func TestTextKeepsTheWidth(t *testing.T) {
	for name, res := range fixtures() {
		for _, w := range []int{1, 40, 60, 72, 80, 100, 120, 200} {
			for _, verbose := range []bool{false, true} {
				for line := range strings.Lines(textOf(t, res, TextOptions{Width: w, Verbose: verbose})) {
					line = strings.TrimSuffix(line, "\n")
					longest := 0
					for _, word := range strings.Fields(line) {
						longest = max(longest, width(word))
					}
					if width(line) > max(w, leastWidth) && longest < max(w, leastWidth)/3 && !strings.HasPrefix(line, "  | ") {
						t.Errorf("%s: more than %d columns: %q", name, w, line)
					}
				}
			}
		}
	}
}

func TestTextIsPlainWithoutColour(t *testing.T) {
	for name, res := range fixtures() {
		for _, verbose := range []bool{false, true} {
			got := textOf(t, res, TextOptions{Verbose: verbose})
			for _, r := range got {
				if r != '\n' && !unicode.IsPrint(r) || r >= 0x2500 && r <= 0x259f {
					t.Errorf("%s: %q is not plain", name, r)
				}
			}
			coloured := textOf(t, res, TextOptions{Verbose: verbose, Color: true})
			if !strings.Contains(coloured, "\x1b[") {
				t.Errorf("%s: no colours", name)
			}
			if diff := cmp.Diff(got, painted.ReplaceAllString(coloured, "")); diff != "" {
				t.Errorf("%s: colours change the layout:\n%s", name, diff)
			}
		}
	}
}

// TestVerboseShowsAll makes sure that noise and every swallowed write are shown when all is asked for, and only then.
func TestVerboseShowsAll(t *testing.T) {
	res := sealed()
	one := res.Swallowed[0]
	for i := range 30 {
		one.Path = fmt.Sprintf("/var/log/%02d", i)
		res.Swallowed = append(res.Swallowed, one)
	}
	got, all := textOf(t, res, TextOptions{}), textOf(t, res, TextOptions{Verbose: true})
	if strings.Contains(got, "/dev/null") || strings.Contains(got, "/var/log/20") || !strings.Contains(got, "30 writes, and the run passed: /var/log/00, /var/log/01, and 28") {
		t.Errorf("the summary:\n%s", got)
	}
	if !strings.Contains(all, "/dev/null") || !strings.Contains(all, "/var/log/29") {
		t.Errorf("the whole report:\n%s", all)
	}
}

// TestOneScreen keeps the summary of a seal with a low port, mounts and a tolerated write within 24 lines of 80 columns.
func TestOneScreen(t *testing.T) {
	res := sealed()
	res.Losses = append(res.Losses, loss.Loss{Kind: loss.NotAttempted, What: "/etc/nginx/conf.d/a.conf"}, loss.Loss{Kind: loss.NoProcess, What: "sed"})
	res.Reasons[0].Why += "; the application's setting names nginx, uid 101 (/etc/nginx/nginx.conf:1: user nginx;)"
	r := New(res)
	r.Written = &Written{Changes: []ManifestChange{{Action: "added", Object: "Pod", Field: "automountServiceAccountToken", New: "false"}}}
	var b bytes.Buffer
	if err := r.Text(&b, TextOptions{Output: "in sealed/nginx.yaml", More: "--verbose"}); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	if n := strings.Count(got, "\n"); n > 24 {
		t.Errorf("%d lines:\n%s", n, got)
	}
	for line := range strings.Lines(got) {
		if width(strings.TrimSuffix(line, "\n")) > 80 && strings.Contains(strings.TrimSpace(line), " ") {
			t.Errorf("more than 80 columns: %q", line)
		}
	}
	for _, part := range []string{"sealed, with 4 losses", "user          101 (nginx): uid 101 (nginx) is what", "mount /run", "without it: exited 1", "lost ", "not exercised ", "next ", "--verbose", "in sealed/nginx.yaml"} {
		if !strings.Contains(got, part) {
			t.Errorf("no %q in\n%s", part, got)
		}
	}
}

// TestDecidingLine quotes the first refusal of a log, also where it is not among the last lines.
func TestDecidingLine(t *testing.T) {
	res := notSealable()
	res.Rounds[1].Observation.Logs = "start\nmkdir /app: Read-only file system\nmkdir /b: Read-only file system\n" + strings.Repeat("retry\n", 30)
	const want = "  | mkdir /app: Read-only file system\n  | ...\n  | retry\n"
	if got := textOf(t, res, TextOptions{}); !strings.Contains(got, want) || strings.Contains(got, "/b:") {
		t.Errorf("the first refusal is not quoted:\n%s", got)
	}
}

// TestFirstErrorOfLongOutput quotes the line that names the cause of a failed open run, where a long stack trace follows.
func TestFirstErrorOfLongOutput(t *testing.T) {
	res := notTestable()
	o := &res.Rounds[0].Observation
	o.Logs = "INFO error handler registered\nsetlocale: Permission denied\nError: no database at db:5432\n" + strings.Repeat("    at Object.run (app.js:1)\n", 30)
	o.Commands[0].Output = "test 1 of 40\nAssertionError: 503 is not 200\n" + strings.Repeat("  frame\n", 30)
	for _, verbose := range []bool{false, true} {
		got := textOf(t, res, TextOptions{Verbose: verbose})
		for _, want := range []string{
			"  | Error: no database at db:5432\n  | ...\n  |     at Object.run (app.js:1)\n",
			"  | AssertionError: 503 is not 200\n  | ...\n  |   frame\n",
		} {
			if strings.Count(got, want) != 1 {
				t.Errorf("no %q in\n%s", want, got)
			}
		}
		if n := strings.Count(got, "  | "); n != 2*(maxLines+2) {
			t.Errorf("%d lines are quoted:\n%s", n, got)
		}
	}
	r := New(res)
	if r.Rounds[0].DecidingLine != "Error: no database at db:5432" || r.Rounds[0].Commands[0].Output[0] != "AssertionError: 503 is not 200" {
		t.Errorf("%+v", r.Rounds[0])
	}
	o.Commands[0].Code = 0
	if got := New(res).Rounds[0].Commands[0].Output; len(got) != maxLines {
		t.Errorf("of a command that passed: %q", got)
	}
}

// TestRestartExceptionQuotesItsTrial makes sure that the log of the run that did not come back is shown.
func TestRestartExceptionQuotesItsTrial(t *testing.T) {
	res := withExceptions()
	res.Exceptions = []seal.Exception{{Setting: "restart", Why: "not ready", Fix: "remove the pid file"}}
	restarted := res.Rounds[1]
	restarted.Name = "sealed run 2"
	restarted.Observation.Failure.Phase, restarted.Observation.Logs = observe.Restart, "a stale pid file\n"
	res.Rounds = slices.Insert(res.Rounds, 1, restarted)
	got := textOf(t, res, TextOptions{})
	if !strings.Contains(got, "a stale pid file") || strings.Contains(got, "cannot write /app.lock") {
		t.Errorf("the log is not that of the restart:\n%s", got)
	}
}

// TestUntraced makes sure that a seal whose open run or sealed run was not traced to its end says so in its first line.
func TestUntraced(t *testing.T) {
	for name, change := range map[string]func(*seal.Result){
		"open run":   func(r *seal.Result) { r.Rounds[0].Observation.Trace.Broken = true },
		"sealed run": func(r *seal.Result) { r.Rounds[2].Observation.Trace.Broken = true },
		"off":        func(r *seal.Result) { r.Rounds[0].Observation.Trace.On = false },
	} {
		res := sealed()
		change(&res)
		if got := textOf(t, res, TextOptions{}); !strings.HasPrefix(got, "sealed, untraced, with 2 losses") {
			t.Errorf("%s:\n%s", name, got)
		}
	}
}

// TestUnseenCommandsAreRedacted makes sure that passwords of commands are in no view.
func TestUnseenCommandsAreRedacted(t *testing.T) {
	for _, command := range []string{"db -w hunter2 ping", "db -p hunter2", "db --password hunter2", "db --password=hunter2"} {
		res := sealed()
		for i := range res.Rounds {
			res.Rounds[i].Observation.Trace.Unseen = []string{command}
		}
		var buf bytes.Buffer
		if err := errors.Join(New(res).JSON(&buf), New(res).Markdown(&buf), New(res).Text(&buf, TextOptions{Verbose: true}), New(res).Text(&buf, TextOptions{Width: 200})); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(buf.String(), "hunter2") || !strings.Contains(buf.String(), "***") {
			t.Errorf("%s: the password is in the report", command)
		}
	}
}

// TestInconclusiveMount makes sure that a mount whose trial was inconclusive is not shown as proved.
func TestInconclusiveMount(t *testing.T) {
	res := sealed()
	const kept = "kept, not proved: abandoned: not ready after 5s"
	res.Proofs = []seal.Proof{{Relaxation: "mount /run", Outcome: trial.Inconclusive, Text: kept}}
	for i := range res.Choices {
		if res.Choices[i].Path == "/run" {
			res.Choices[i].Proof = kept
		}
	}
	if got := textOf(t, res, TextOptions{}); !strings.Contains(got, "mount /run              "+kept) {
		t.Errorf("the mount is not marked:\n%s", got)
	}
}

// TestDroppedSettings makes sure that a reason is not shown for a variable that the profile does not have.
func TestDroppedSettings(t *testing.T) {
	res := sealed()
	res.Reasons = append(res.Reasons, profile.Reason{Field: "env TMPDIR", Why: "temp files"}, profile.Reason{Field: "env HOME", Why: "the user has none"})
	res.Profile = res.Profile.WithEnv("HOME", "/tmp")
	for _, verbose := range []bool{false, true} {
		if got := textOf(t, res, TextOptions{Verbose: verbose}); strings.Contains(got, "TMPDIR") || !strings.Contains(got, "env HOME=/tmp") {
			t.Errorf("verbose %t:\n%s", verbose, got)
		}
	}
}

// TestLosses counts the losses in the first line, shows them by kind, and does not repeat a refused write as swallowed.
func TestLosses(t *testing.T) {
	got := textOf(t, sealed(), TextOptions{Verbose: true})
	if !strings.HasPrefix(got, "sealed, with 2 losses against the open run: passed") {
		t.Errorf("the first line does not count the losses:\n%s", got)
	}
	refused, logged := strings.Index(got, "  refused: EROFS /etc/nginx/conf.d/default.conf (sed, uid 101)"), strings.Index(got, "  error in the log: nginx: [error] no cache")
	if refused < 0 || logged < refused {
		t.Errorf("the losses are not there, or not in order:\n%s", got)
	}
	if strings.Contains(got, "Denied and swallowed") {
		t.Errorf("a loss is repeated as swallowed:\n%s", got)
	}
	res := sealed()
	res.Losses = nil
	if got := textOf(t, res, TextOptions{Verbose: true}); !strings.HasPrefix(got, "sealed: ") || !strings.Contains(got, "Denied and swallowed in the sealed run: what") {
		t.Errorf("without losses:\n%s", got)
	}
}

func TestEvidenceIsBounded(t *testing.T) {
	res := sealed()
	one := res.Choices[2].Evidence[0]
	for i := range 100 {
		one.Path = fmt.Sprintf("/run/%03d", i)
		res.Choices[2].Evidence = append(res.Choices[2].Evidence, one)
	}
	if got := textOf(t, res, TextOptions{Verbose: true}); !strings.Contains(got, "and 61 more") || strings.Contains(got, "/run/050") {
		t.Errorf("the list has no bound:\n%s", got)
	}
}

// TestMarkdownShowsTextAsItIs tries what would end a cell, a code span or a line, or call somebody.
func TestMarkdownShowsTextAsItIs(t *testing.T) {
	for in, want := range map[string]string{
		"/run": "`/run`", "a|b": "`a\\|b`", "a`b": "``a`b``", "`": "`` ` ``", "a\nb": "`a\\nb`",
	} {
		if got := code(in); got != want {
			t.Errorf("code(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"a|b\n": `a\|b\\n`, "<b>&": "&lt;b&gt;&amp;", "@somebody #1 *x*": `@<!-- -->somebody #<!-- -->1 \*x\*`,
	} {
		if got := prose(in); got != want {
			t.Errorf("prose(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestOrderOfTheResultDoesNotMatter turns round every list that a report sorts.
func TestOrderOfTheResultDoesNotMatter(t *testing.T) {
	for name, res := range fixtures() {
		want := New(res)
		slices.Reverse(res.Choices)
		slices.Reverse(res.Swallowed)
		slices.Reverse(res.Profile.Mounts)
		for i := range res.Rounds {
			o := &res.Rounds[i].Observation
			o.Changes, o.Processes, o.Usage = slices.Clone(o.Changes), slices.Clone(o.Processes), slices.Clone(o.Usage)
			slices.Reverse(o.Changes)
			slices.Reverse(o.Processes)
			slices.Reverse(o.Usage)
		}
		if diff := cmp.Diff(want, New(res)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestJSONHasNoNull but where the page says so: for the profile of a target that is not testable, for an exit, and for
// advice that an image does not need.
func TestJSONHasNoNull(t *testing.T) {
	all := fixtures()
	all["empty"] = seal.Result{Rounds: []seal.Round{{}}}
	for name, res := range all {
		var buf bytes.Buffer
		if err := New(res).JSON(&buf); err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(buf.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		for _, at := range nulls("", v) {
			if at != "/profile" && at != "/advice" && !strings.HasSuffix(at, "/exit") {
				t.Errorf("%s: null at %s", name, at)
			}
		}
	}
}

func nulls(at string, v any) (out []string) {
	switch v := v.(type) {
	case nil:
		return []string{at}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			out = append(out, nulls(at+"/"+k, v[k])...)
		}
	case []any:
		for _, x := range v {
			out = append(out, nulls(at, x)...)
		}
	}
	return out
}

func TestSecretsOfTheEnvironmentAreNotReported(t *testing.T) {
	for name, res := range fixtures() {
		var buf bytes.Buffer
		if err := errors.Join(New(res).JSON(&buf), New(res).Markdown(&buf), New(res).Text(&buf, TextOptions{Verbose: true})); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(buf.String(), "hunter2") {
			t.Errorf("%s: the value of an environment variable is in the report", name)
		}
	}
}

func TestExitCode(t *testing.T) {
	for v, want := range map[seal.Verdict]int{seal.Sealed: 0, seal.Planned: 0, seal.NotTestable: 3, seal.NotSealable: 4, seal.SealedWithExceptions: 4} {
		if got := New(seal.Result{Verdict: v}).ExitCode; got != want {
			t.Errorf("%s: %d, want %d", v, got, want)
		}
	}
	two := []seal.Exception{{Setting: "runAsNonRoot"}, {Setting: "restart"}}
	for allow, want := range map[string]int{"": 4, "runAsNonRoot": 4, "runAsNonRoot restart": 0} {
		for _, v := range []seal.Verdict{seal.NotSealable, seal.SealedWithExceptions} {
			if got := (Policy{Allow: strings.Fields(allow)}).ExitCode(seal.Result{Verdict: v, Exceptions: two}); got != want {
				t.Errorf("%s, --allow %q: %d, want %d", v, allow, got, want)
			}
		}
	}
}

// TestStrict fails a seal whose run lost something, and nothing else.
func TestStrict(t *testing.T) {
	lossy := seal.Result{Verdict: seal.Sealed, Losses: []loss.Loss{{Kind: loss.NotAttempted, What: "/etc/app.conf"}}}
	for _, tt := range []struct {
		strict bool
		res    seal.Result
		want   int
	}{{false, lossy, 0}, {true, lossy, 4}, {true, seal.Result{Verdict: seal.Sealed}, 0}, {true, seal.Result{Verdict: seal.NotTestable}, 3}} {
		if got := (Policy{Strict: tt.strict}).ExitCode(tt.res); got != tt.want {
			t.Errorf("strict %t, %s with %d losses: %d, want %d", tt.strict, tt.res.Verdict, len(tt.res.Losses), got, tt.want)
		}
	}
}

func TestTraceOfTheProvedRoundCounts(t *testing.T) {
	res := sealed()
	res.Rounds[0].Observation.Trace.Lost = 2
	res.Rounds[3].Observation.Trace = observe.Trace{Note: "off here only", Lost: 1}
	if diff := cmp.Diff(Trace{On: true, Lost: 3}, New(res).Trace); diff != "" {
		t.Error(diff)
	}
}

// TestCommandsInTheContainer names the commands that the tracer could not see, and distinguishes who wrote.
func TestCommandsInTheContainer(t *testing.T) {
	line := traceLine(Trace{On: true, Unseen: []string{"redis-cli ping", "sh -c \x1bx"}})
	if !strings.HasPrefix(line, "on; not traced, ") || !strings.Contains(line, "`redis-cli ping`, `sh -c ") || strings.Contains(line, "\x1b") {
		t.Errorf("the trace's line: %q", line)
	}
	list := []Evidence{{Writers: []Writer{{Process: "sh", UID: 7, Count: 2}, {Process: "sh", UID: 7, Count: 1, Exec: true}}}}
	if got := writers(list); got != "sh uid 7, 2x; sh uid 7 (a command executed in the container)" {
		t.Errorf("writers: %q", got)
	}
}

func TestWriteErrorsAreReturned(t *testing.T) {
	broken := errors.New("no space left")
	for name, err := range map[string]error{
		"text":     New(sealed()).Text(failing{broken}, TextOptions{}),
		"json":     New(sealed()).JSON(failing{broken}),
		"markdown": New(sealed()).Markdown(failing{broken}),
	} {
		if !errors.Is(err, broken) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestLastLines(t *testing.T) {
	for in, want := range map[string][]string{
		"": {}, "\n\n": {}, "one": {"one"}, "one\r\ntwo\r\n": {"one", "two"}, "\none\n": {"", "one"},
	} {
		if diff := cmp.Diff(want, lastLines(in)); diff != "" {
			t.Errorf("%q: %s", in, diff)
		}
	}
	if got := lastLines(strings.Repeat("x\n", 100) + "end"); len(got) != maxLines || got[maxLines-1] != "end" {
		t.Errorf("got %q", got)
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"", "/run/nginx.pid", "\x1b[31mred\x1b[0m", "a\nb\tc", "\xff\xfe", "\u202eabc", "\x1b]0;title\x07", "\uFFFD"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range clean(s) {
			if !unicode.IsPrint(r) {
				t.Errorf("clean(%q) has %q", s, r)
			}
		}
	})
}

func TestNextStepOfAFailedStart(t *testing.T) {
	res := notTestable()
	if got := textOf(t, res, TextOptions{}); !strings.Contains(got, "make the e2e commands pass without a seal") {
		t.Errorf("a command failed:\n%s", got)
	}
	res.Rounds[0].Observation.Failure = failure(observe.Exited, observe.Start, "exited 3 before it was ready")
	if got := textOf(t, res, TextOptions{}); !strings.Contains(got, "make the application become ready without a seal") {
		t.Errorf("the start failed:\n%s", got)
	}
}

// TestNextStepOfUnstableCommands points to a condition of readiness where there is none and the commands pass now and then.
func TestNextStepOfUnstableCommands(t *testing.T) {
	const step = "--ready-http or --ready"
	res := notSealable()
	if got := textOf(t, res, TextOptions{}); strings.Contains(got, step) {
		t.Errorf("all trials decided:\n%s", got)
	}
	last := &res.Rounds[len(res.Rounds)-1]
	last.Outcome, last.Cause = trial.Inconclusive, trial.Unstable
	last.Observation.Failure = failure(observe.CommandFailed, observe.E2E, "`e2e.sh` exited 22")
	if got := textOf(t, res, TextOptions{}); strings.Contains(got, step) {
		t.Errorf("a condition is given:\n%s", got)
	}
	r := New(res)
	r.Target.Ready = Ready{}
	if got := nextStep(r, TextOptions{}); !strings.Contains(got, step) {
		t.Errorf("the commands may have started too early: %s", got)
	}
}
