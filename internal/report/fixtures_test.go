package report

import (
	"time"

	"github.com/podseal/podseal/internal/diff"
	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/loss"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/plan"
	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/seal"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trial"
)

// fixtures are results as the sealing loop gives them, one for each kind of verdict.
func fixtures() map[string]seal.Result {
	return map[string]seal.Result{
		"sealed":       sealed(),
		"untraced":     untraced(),
		"not-testable": notTestable(),
		"exceptions":   withExceptions(),
		"not-sealable": notSealable(),
		"planned":      planned(),
		"hostile":      hostile(),
	}
}

const curl = "curl -fsS http://$PODSEAL_HOST:$PODSEAL_PORT/ >/dev/null"

func someTarget(ref string, port int) target.Target {
	return target.Target{
		Image: ref, Ports: []int{port}, Env: []target.EnvVar{{Name: "WORKERS", Value: "2"}, {Name: "TOKEN", Value: "hunter2"}},
		Ready:    target.Ready{HTTP: "/", Timeout: time.Minute},
		Commands: []target.Command{target.Shell(curl, false)}, Grace: 10 * time.Second,
	}
}

func someImage(ref string) image.Facts {
	return image.Facts{Ref: ref, ID: "sha256:4bf5b5cbd1d7a7f9f1e7fbb6ab3a0b9e4d4df1ac9f3d3f3b1b7c6a2c9f0f5d11", Platform: "linux/amd64"}
}

func always() []profile.Reason {
	return []profile.Reason{
		{Field: "runAsGroup", Why: "a kubelet takes the group from the image's /etc/passwd, or 0, unless it is told"},
		{Field: "readOnlyRootFilesystem", Why: "only the mounts are writable"},
		{Field: "capabilities", Why: "no process has a privilege of root"},
		{Field: "allowPrivilegeEscalation", Why: "false: setuid programs gain nothing"},
		{Field: "seccompProfile", Why: "RuntimeDefault: the sealed run had the engine's default filter"},
	}
}

// someAdvice has more ways than a reader is shown.
func someAdvice() *seal.Advice {
	return &seal.Advice{
		Model: "root-workers-drop", Why: "it starts as root; the application's own setting names nginx for its workers, the first process may stay root",
		Ways: []seal.Way{
			{Kind: "pin", Says: "pin uid 101 in the manifest: the application's setting names nginx, uid 101", Cost: "lines in the manifest, and a test", Snippet: "securityContext:\n  runAsUser: 101\n"},
			{Kind: "alternative", Says: "use registry.example/web/unprivileged, which runs as uid 101", Cost: "a test with the other image", Image: "registry.example/web/unprivileged"},
			{Kind: "dockerfile", Says: "declare the user by its number, so that no manifest has to", Cost: "a build", Snippet: "USER 33:33\n"},
			{Kind: "alternative", Says: "use another", Cost: "more", Image: "registry.example/web/other"},
		},
	}
}

func ran(code int, output string, took time.Duration) observe.CommandResult {
	return observe.CommandResult{Command: curl, Code: code, Output: output, Phase: observe.E2E, Took: took}
}

func write(at, call string, out observe.Outcome, errno, command string, uid int64, count int) observe.Write {
	return observe.Write{Path: at, Call: call, Phase: observe.Start, Outcome: out, Errno: errno, Command: command, UID: uid, GID: uid, PID: 1, Count: count}
}

// sealed is a web server whose entrypoint rewrites its configuration, drops to its own user and serves port 80.
func sealed() seal.Result {
	traced := observe.Trace{On: true}
	open := observe.Observation{
		Changes: []observe.Change{
			{Kind: observe.Modified, Path: "/etc/nginx/conf.d", Phase: observe.Start},
			{Kind: observe.Modified, Path: "/etc/nginx/conf.d/default.conf", Phase: observe.Start},
			{Kind: observe.Added, Path: "/run/nginx.pid", Phase: observe.Start},
			{Kind: observe.Added, Path: "/var/cache/nginx/client_temp", Phase: observe.Start, Dir: true},
		},
		Writes: []observe.Write{
			write("/dev/null", "open", observe.Allowed, "", "sh", 0, 12),
			write("/etc/nginx/conf.d/default.conf", "open", observe.Allowed, "", "sed", 0, 2),
			write("/run/nginx.pid", "open", observe.Allowed, "", "nginx", 0, 1),
			write("/var/cache/nginx/client_temp", "chown", observe.Allowed, "", "nginx", 0, 1),
			write("/var/cache/nginx/client_temp", "mkdir", observe.Allowed, "", "nginx", 0, 1),
			write("/var/cache/nginx/client_temp/0000000001", "open", observe.Allowed, "", "nginx", 101, 3),
		},
		Processes: []observe.Process{{PID: 4712, UID: 101, GID: 101, Command: "nginx"}, {PID: 4711, UID: 0, GID: 0, Command: "nginx", Main: true}},
		Listening: []int{80}, Commands: []observe.CommandResult{ran(0, "", 41*time.Millisecond)},
		Exit: &observe.Exit{Phase: observe.Stop}, Trace: traced, ReadyIn: 312 * time.Millisecond,
	}
	first := profile.Profile{User: profile.User{UID: 101, GID: 101}, LowPorts: true}.WithMount(profile.Mount{Path: "/var/cache/nginx", Kind: profile.Plain})
	last := first.WithMount(profile.Mount{Path: "/run", Kind: profile.Plain})
	denied := write("/etc/nginx/conf.d/default.conf", "open", observe.Denied, "EROFS", "sed", 101, 1)
	failed := observe.Observation{
		Writes:  []observe.Write{denied, write("/run/nginx.pid", "open", observe.Denied, "EROFS", "nginx", 101, 1)},
		Failure: failure(observe.Exited, observe.Start, "exited 1 before it was ready"), Trace: traced,
		Logs: "nginx: [emerg] open() \"/run/nginx.pid\" failed (30: Read-only file system)\n",
		Exit: &observe.Exit{Code: 1, Phase: observe.Start},
	}
	passed := open
	passed.Changes, passed.Writes = nil, []observe.Write{denied, write("/run/nginx.pid", "open", observe.Allowed, "", "nginx", 101, 1)}
	passed.Usage = []observe.Usage{{Path: "/var/cache/nginx", Bytes: 0, Files: 5}, {Path: "/run", Bytes: 3, Files: 1}}
	without := observe.Observation{Failure: failure(observe.Exited, observe.Start, "exited 1 before it was ready"), Trace: traced, Exit: &observe.Exit{Code: 1, Phase: observe.Start}}
	evidence := diff.Collect(open).Allowed()
	of := func(at string) (out []diff.Evidence) {
		for _, e := range evidence {
			if profile.Within(e.Path, at) {
				out = append(out, e)
			}
		}
		return out
	}
	proofRun := "without it: exited 1 before it was ready; EROFS /run/nginx.pid (nginx, uid 101)"
	proofCache := "without it: exited 1 before it was ready; EROFS /var/cache/nginx/client_temp (nginx, uid 101)"
	ref := "registry.example/web/nginx:1.29"
	facts := someImage(ref)
	facts.Digest = "registry.example/web/nginx@sha256:0b5b5d0c84f3e9d7e5d0a6a5b4c8b4d1d8f0b1f5c7e0a9d3c2b1a0f9e8d7c6b5"
	return finished(seal.Result{
		RunID: "r4x7", Target: someTarget(ref, 80), Image: facts, Verdict: seal.Sealed, Why: `passed "sealed run 2" under exactly these settings`,
		Profile: last, User: "nginx", Advice: someAdvice(),
		Reasons: append([]profile.Reason{
			{Field: "runAsUser", Why: "uid 101 (nginx) is what the process nginx drops to; the main process stays root"},
			{Field: "mount /run", Why: "the application writes here; the image has nothing in it", Proof: proofRun},
			{Field: "mount /var/cache/nginx", Why: "the application writes here; the image has nothing in it", Proof: proofCache},
			{
				Field: "sysctl net.ipv4.ip_unprivileged_port_start", Why: "listens on port 80, below 1024, which a kubelet does not open to a non-root user",
				Proof: "without it: exited 1 before it was ready; bind() to 0.0.0.0:80 failed (13: Permission denied)",
			},
		}, always()...),
		Choices: []seal.Choice{
			{Path: "/dev/null", Phase: observe.Start, Decision: "noise", Reason: "below /dev, which the runtime provides", Evidence: of("/dev")},
			{
				Path: "/etc/nginx/conf.d", Changes: "C", Phase: observe.Start, Decision: "read-only", Evidence: of("/etc/nginx/conf.d"),
				Reason: "the application tolerates that it cannot write here: the sealed run passes without a mount; it says: 10-listen-on-ipv6-by-default.sh: info: can not modify /etc/nginx/conf.d/default.conf (read-only file system?)",
			},
			{Path: "/run", Changes: "A", Phase: observe.Start, Decision: "mount", Evidence: of("/run"), Reason: "the application writes here; the image has nothing in it", Proof: proofRun},
			{Path: "/var/cache/nginx", Changes: "A", Phase: observe.Start, Decision: "mount", Evidence: of("/var/cache/nginx"), Reason: "the application writes here; the image has nothing in it", Proof: proofCache},
		},
		Swallowed: diff.Collect(passed).Denied(),
		Losses: []loss.Loss{
			{Kind: loss.NewError, What: "nginx: [error] no cache", Detail: "logged by the sealed run alone"},
			{Kind: loss.Refused, What: "/etc/nginx/conf.d/default.conf", Detail: "EROFS /etc/nginx/conf.d/default.conf (sed, uid 101)"},
		},
		NotExercised: []string{"whatever the e2e commands do not reach", "what the application first does some time after its start (see --soak)"},
		Rounds: []seal.Round{
			{Name: "open run", Profile: profile.Unrestricted(), Observation: open, Took: 2104 * time.Millisecond},
			{
				Name: "sealed run 1", Profile: first, Observation: failed, Took: 1480 * time.Millisecond,
				Blames: []plan.Blame{{Setting: "mount /run", Evidence: "EROFS /run/nginx.pid (nginx, uid 101)"}},
			},
			{Name: "sealed run 2", Profile: last, Observation: passed, Took: 3210 * time.Millisecond},
			{Name: "without mount /var/cache/nginx", Profile: last.WithoutMount("/var/cache/nginx"), Observation: without, Took: 1202 * time.Millisecond},
		},
	})
}

// untraced is a database on an engine where nothing can be traced.
func untraced() seal.Result {
	ref := "corpus/database:latest"
	p := profile.Profile{User: profile.User{UID: 999, GID: 999, Groups: []int64{103}}}.
		WithMount(profile.Mount{Path: "/var/lib/database/data", Kind: profile.Owned, Volume: true, SizeLimit: 128 << 20}).
		WithMount(profile.Mount{Path: "/tmp", Kind: profile.Plain, Medium: profile.Memory}).WithEnv("HOME", "/home/podseal")
	trace := observe.Trace{Note: "the engine's kernel 4.19 has no seccomp notifications"}
	o := observe.Observation{Trace: trace, ReadyIn: time.Second, Commands: []observe.CommandResult{ran(0, "ok\n", time.Second)}}
	why := "the application must own the folder, which a kubelet makes root's"
	return finished(seal.Result{
		RunID: "k2", Target: someTarget(ref, 5432), Image: someImage(ref), Verdict: seal.Sealed, Why: `passed "sealed run 1" under exactly these settings`,
		Profile: p, User: "database",
		Reasons: append([]profile.Reason{
			{Field: "runAsUser", Why: "USER database is 999:999 in the image's /etc/passwd; a kubelet refuses a name under runAsNonRoot"},
			{Field: "env HOME", Why: "the user has no home in the image, so that / is taken for it"},
		}, always()...),
		Choices: []seal.Choice{
			{Path: "/var/lib/database/data", Changes: "", Phase: observe.Start, Decision: "owned mount", Reason: why},
			{Path: "/tmp", Decision: "mount in memory", Reason: "a disk emptyDir is 0777 without the sticky bit, which the application refuses for temp files; in memory it is 1777"},
		},
		NotExercised: []string{"whatever the e2e commands do not reach"},
		Rounds: []seal.Round{
			{Name: "open run", Profile: profile.Unrestricted(), Observation: o, Took: 4 * time.Second},
			{Name: "sealed run 1", Profile: p, Observation: o, Took: 75 * time.Second},
		},
	})
}

func notTestable() seal.Result {
	ref := "registry.example/shop/api:2026-07-29"
	o := observe.Observation{
		Commands: []observe.CommandResult{ran(22, "curl: (22) The requested URL returned error: 503\n", 80*time.Millisecond)},
		Failure:  failure(observe.CommandFailed, observe.E2E, "`"+curl+"` exited 22: curl: (22) The requested URL returned error: 503"),
		Logs:     "\x1b[31mERROR\x1b[0m cannot reach the database at db:5432\r\nserving 503 until it answers\n", Trace: observe.Trace{On: true}, ReadyIn: time.Second,
	}
	return finished(seal.Result{
		RunID: "n1", Target: someTarget(ref, 8080), Image: someImage(ref), Verdict: seal.NotTestable,
		Why: "the open run fails, so nothing can be learnt: " + o.Failure.Text, NotExercised: []string{"whatever the e2e commands do not reach"},
		Rounds: []seal.Round{{Name: "open run", Profile: profile.Unrestricted(), Observation: o, Took: 2 * time.Second}},
	})
}

func withExceptions() seal.Result {
	ref := "corpus/legacy:latest"
	sealedProfile := profile.Profile{User: profile.User{UID: 10001, GID: 10001}}
	p := sealedProfile
	p.WritableRoot = true
	said := "exited 1 before it was ready"
	pass := observe.Observation{ReadyIn: time.Second, Trace: observe.Trace{On: true, Lost: 3}, Commands: []observe.CommandResult{ran(0, "", time.Second)}}
	fail := observe.Observation{Failure: failure(observe.Exited, observe.Start, said), Trace: observe.Trace{On: true}, Logs: "cannot write /app.lock\n"}
	return finished(seal.Result{
		RunID: "e1", Target: someTarget(ref, 8080), Image: someImage(ref), Verdict: seal.SealedWithExceptions, Profile: p,
		Why: "it works only without readOnlyRootFilesystem; sealed, it failed: " + said,
		Exceptions: []seal.Exception{{
			Setting: "readOnlyRootFilesystem", Why: "without it: " + said,
			Fix: "let the application write only below folders of its own (a data, cache or temp folder that can be configured), and make them in the Dockerfile",
		}},
		Reasons:      append([]profile.Reason{{Field: "runAsUser", Why: "USER 10001:10001; a kubelet would not take over the group by itself"}}, always()...),
		Choices:      []seal.Choice{{Path: "/app.lock", Changes: "A", Phase: observe.Start, Decision: "read-only", Reason: "nothing can be mounted on /"}},
		NotExercised: []string{"whatever the e2e commands do not reach"},
		Rounds: []seal.Round{
			{Name: "open run", Profile: profile.Unrestricted(), Observation: pass, Took: 2 * time.Second},
			{Name: "sealed run 1", Profile: sealedProfile, Observation: fail, Took: 900 * time.Millisecond},
			{Name: "with readOnlyRootFilesystem given up", Profile: p, Observation: pass, Took: 2500 * time.Millisecond},
		},
	})
}

func notSealable() seal.Result {
	res := withExceptions()
	res.Verdict, res.Exceptions, res.Profile = seal.NotSealable, nil, res.Rounds[1].Profile
	res.Why = "no setting alone is to blame; the last sealed run: exited 1 before it was ready"
	res.Rounds = res.Rounds[:2]
	return res
}

func planned() seal.Result {
	res := sealed()
	res.Verdict, res.Why, res.Profile = seal.Planned, "nothing was run under this profile", res.Rounds[1].Profile
	res.Rounds, res.Swallowed, res.Losses = res.Rounds[:1], nil, nil
	for i := range res.Reasons {
		res.Reasons[i].Proof = ""
	}
	for i := range res.Choices {
		res.Choices[i].Proof = ""
	}
	return res
}

// hostile has names and messages that would break a terminal, a table or Markdown, in an order that nothing promises.
func hostile() seal.Result {
	res := planned()
	res.Why = "it said \x1b]0;owned\x07 | and \x1b[2J\nmore"
	res.Choices = []seal.Choice{
		{Path: "/srv/z", Changes: "A", Phase: observe.E2E, Decision: "mount", Reason: "last by name"},
		{Path: "/srv/new\nline|`pipe`<b>\x1b[31m\xff\u202e", Changes: "A", Phase: observe.E2E, Decision: "mount", Reason: "a name with a line break"},
		{
			Path: "/srv/application/data/with/a/rather/long/path/that/fits/no/column/of/a/terminal", Changes: "ACD", Phase: observe.Restart,
			Decision: seal.InMount, Of: "/srv/application", Reason: "a reason",
		},
	}
	res.Profile = res.Profile.WithEnv("B", "2").WithEnv("A", "1")
	return res
}

func failure(kind observe.FailureKind, phase observe.Phase, text string) observe.Failure {
	return observe.Failure{Kind: kind, Phase: phase, Text: text}
}

// finished gives the rounds of a result their outcomes, and a seal its confirmation run.
func finished(res seal.Result) seal.Result {
	if res.Verdict == seal.Sealed || res.Verdict == seal.SealedWithExceptions {
		last := res.Rounds[0].Observation
		last.Trace, last.Writes, last.Changes = observe.Trace{Note: "off for this run"}, nil, nil
		res.Rounds = append(res.Rounds, seal.Round{Name: "confirmation run", Profile: res.Profile, Observation: last, Took: 2200 * time.Millisecond})
		res.Seal = &seal.Seal{Commands: []string{curl}, Confirmation: "confirmation run", Restart: "commands", Profile: res.Profile}
	}
	for i := range res.Rounds {
		o := &res.Rounds[i]
		o.Outcome, o.Protocol.Traced = trial.Failed, o.Observation.Trace.On
		if o.Observation.Passed() {
			o.Outcome = trial.Passed
		}
	}
	return res
}
