// Package observetest makes observations of short texts, for the tests of what reads observations.
package observetest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/podseal/podseal/internal/observe"
)

// Parse makes an observation of a text, one fact a line; a path that ends in a slash is a folder:
//
//	A /run/app.pid start                      a change of docker diff
//	open /run/app.pid start                   a traced write
//	mkdir /run/app/ start denied EROFS        one that was refused
//	open /srv/x e2e unknown                   one whose outcome is not known
//	rmdir /srv/x/ start unknown EBUSY         one that fails whatever is mounted
//	chown /srv/x/ start owner 33              the new owner
//	rename /a/ -> /b e2e by app 101:101       the new name, the process and its user
//	open /tmp/x e2e by sh 0:0 exec            by a command that was executed in the container
//	listen 80
//	denied-port 80
//	identity 101:50 sshd
//	process main 101:101 nginx                main marks the first process
//	usage /tmp 4096
//	exit 1 start
//	error exec: operation not permitted       the engine's message, after exit
//	failed e2e the sentence
//	failed-seed /srv what the init container said
//	trace on
//	unseen sh -c check                        a command that is not traced
//	log a line of the logs
//	logs e2e                                  the lines that follow are of this phase
//	output what the failed e2e command said
//
// Blank lines and those that start with # do not count.
func Parse(text string) (observe.Observation, error) {
	var o observe.Observation
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := parseLine(&o, line); err != nil {
			return o, fmt.Errorf("parsing observation line %q: %w", line, err)
		}
	}
	return o, nil
}

func parseLine(o *observe.Observation, line string) error {
	word, rest, _ := strings.Cut(line, " ")
	f := strings.Fields(rest)
	if len(f) == 0 {
		return fmt.Errorf("nothing after %s", word)
	}
	number, _ := strconv.Atoi(f[len(f)-1])
	switch word {
	case "A", "C", "D":
		return parseChange(o, observe.ChangeKind(word), f)
	case "listen":
		o.Listening = append(o.Listening, number)
	case "denied-port":
		o.DeniedPorts = append(o.DeniedPorts, number)
	case "process":
		return parseProcess(o, f)
	case "identity":
		p := observe.Process{Command: f[len(f)-1]}
		o.Trace.Identities = append(o.Trace.Identities, p)
		return ids(f[0], &o.Trace.Identities[len(o.Trace.Identities)-1].UID, &o.Trace.Identities[len(o.Trace.Identities)-1].GID)
	case "usage":
		o.Usage = append(o.Usage, observe.Usage{Path: f[0], Bytes: int64(number), Files: 1})
	case "exit":
		code, err := strconv.Atoi(f[0])
		o.Exit = &observe.Exit{Code: code, Phase: observe.Stop}
		if len(f) > 1 {
			o.Exit.Phase = observe.Phase(f[1])
		}
		return err
	case "error":
		if o.Exit == nil {
			return fmt.Errorf("no exit before it")
		}
		o.Exit.Error = rest
	case "failed":
		o.Failure = observe.Failure{Kind: kindOf(observe.Phase(f[0])), Phase: observe.Phase(f[0]), Text: strings.Join(f[1:], " ")}
	case "failed-seed":
		o.Failure = observe.Failure{
			Kind: observe.SeedFailed, Phase: observe.Start, Path: f[0], Text: "seeding " + f[0] + ": " + strings.Join(f[1:], " "),
		}
	case "trace":
		o.Trace.On = f[0] == "on"
	case "unseen":
		o.Trace.Unseen = append(o.Trace.Unseen, rest)
	case "log":
		o.Logs += rest + "\n"
	case "logs":
		if o.LogStart == nil {
			o.LogStart = map[observe.Phase]int{}
		}
		o.LogStart[observe.Phase(f[0])] = len(o.Logs)
	case "output":
		o.Commands = append(o.Commands, observe.CommandResult{Command: "test", Code: 1, Output: rest, Phase: observe.E2E})
	default:
		return parseWrite(o, word, f)
	}
	return nil
}

// folder takes the slash off that marks a folder.
func folder(p string) (string, bool) {
	if p == "/" {
		return p, true
	}
	return strings.CutSuffix(p, "/")
}

func parseChange(o *observe.Observation, kind observe.ChangeKind, f []string) error {
	if len(f) != 2 {
		return fmt.Errorf("want KIND PATH PHASE")
	}
	c := observe.Change{Kind: kind, Phase: observe.Phase(f[1])}
	c.Path, c.Dir = folder(f[0])
	o.Changes = append(o.Changes, c)
	return nil
}

func parseProcess(o *observe.Observation, f []string) error {
	var p observe.Process
	if f[0] == "main" {
		p.Main, f = true, f[1:]
	}
	if len(f) != 2 {
		return fmt.Errorf("want process [main] UID:GID COMMAND")
	}
	p.Command = f[1]
	o.Processes = append(o.Processes, p)
	return ids(f[0], &o.Processes[len(o.Processes)-1].UID, &o.Processes[len(o.Processes)-1].GID)
}

func ids(s string, uid, gid *int64) error {
	_, err := fmt.Sscanf(s, "%d:%d", uid, gid)
	return err
}

func parseWrite(o *observe.Observation, call string, f []string) error {
	w := observe.Write{Call: call, Outcome: observe.Allowed, Count: 1}
	w.Path, w.Dir = folder(f[0])
	f = f[1:]
	if len(f) > 1 && f[0] == "->" {
		w.To, f = f[1], f[2:]
	}
	if len(f) == 0 {
		return fmt.Errorf("no phase")
	}
	w.Phase, f = observe.Phase(f[0]), f[1:]
	for len(f) > 0 {
		switch {
		case f[0] == "unknown" && len(f) > 1 && f[1] != "by":
			w.Outcome, w.Errno, f = observe.Unknown, f[1], f[2:]
		case f[0] == "unknown":
			w.Outcome, f = observe.Unknown, f[1:]
		case f[0] == "denied" && len(f) > 1:
			w.Outcome, w.Errno, f = observe.Denied, f[1], f[2:]
		case f[0] == "by" && len(f) > 2:
			w.Command = f[1]
			if err := ids(f[2], &w.UID, &w.GID); err != nil {
				return err
			}
			f = f[3:]
		case f[0] == "owner" && len(f) > 1:
			n, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil {
				return err
			}
			w.Owner, f = n, f[2:]
		case f[0] == "exec":
			w.Exec, f = true, f[1:]
		default:
			return fmt.Errorf("%q is none of unknown [ERRNO], denied ERRNO, by COMMAND UID:GID, owner UID, exec", f[0])
		}
	}
	o.Writes = append(o.Writes, w)
	return nil
}

// kindOf returns the usual kind of a failure in a phase.
func kindOf(p observe.Phase) observe.FailureKind {
	switch p {
	case observe.E2E:
		return observe.CommandFailed
	case observe.Stop:
		return observe.StopFailed
	}
	return observe.Exited
}
