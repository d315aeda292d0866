package gate

import (
	"fmt"
	"slices"

	"github.com/podseal/podseal/internal/finding"
	"github.com/podseal/podseal/internal/sealfile"
)

// Accepted are the exceptions that the user accepts at present.
type Accepted struct {
	Known bool // they are known; else those of the seal count
	List  []sealfile.Acceptance
}

// Exceptions returns the exceptions of a seal that the user does not accept, or does not accept any longer on a day
// (YYYY-MM-DD).
func Exceptions(target string, e sealfile.Entry, accepted Accepted, today string) []finding.Finding {
	var out []finding.Finding
	add := func(rule, setting, format string, args ...any) {
		out = append(out, finding.Finding{
			Rule: rule, Level: finding.Error, Target: target, Subject: setting, File: e.File, Line: e.Line, Message: fmt.Sprintf(format, args...),
		})
	}
	for _, setting := range exceptionsOf(e.Seal) {
		a := sealfile.Acceptance{Setting: setting}
		if i := slices.IndexFunc(e.Exceptions, func(x sealfile.Exception) bool { return x.Setting == setting }); i >= 0 {
			a.Reason, a.Expires = e.Seal.Exceptions[i].Reason, e.Seal.Exceptions[i].Expires
		}
		if accepted.Known {
			i := slices.IndexFunc(accepted.List, func(a sealfile.Acceptance) bool { return a.Setting == setting })
			if i < 0 {
				add(finding.Exception, setting, "the seal has the exception %s, which is not accepted: accept it with a reason, or change the image: %s", setting, fixOf(e.Seal, setting))
				continue
			}
			a = accepted.List[i]
		}
		if a.Expires != "" && a.Expires < today {
			add(finding.Expired, setting, "the exception %s was accepted until %s (%s): change the image, or accept it anew: %s", setting, a.Expires, orUnknown(a.Reason), fixOf(e.Seal, setting))
		}
	}
	return out
}

func orUnknown(reason string) string {
	if reason == "" {
		return "no reason given"
	}
	return reason
}

// Commands returns the difference between the e2e commands that a seal was proved with and those of now.
func Commands(target string, e sealfile.Entry, now sealfile.Commands) []finding.Finding {
	if now.Hash == e.Commands.Hash {
		return nil
	}
	return []finding.Finding{{
		Rule: finding.Commands, Level: finding.Error, Target: target, Subject: "commands", File: e.File, Line: e.Line,
		Message: changedCommands(e.Commands.List, now.List) + ": seal again",
	}}
}

// changedCommands says how the first command that differs changed.
func changedCommands(old, now []sealfile.Command) string {
	for i, c := range old {
		if i >= len(now) {
			return fmt.Sprintf("the e2e command %q, which the seal was proved with, is missing", c.Command)
		}
		if text, changed := changedCommand(c, now[i]); changed {
			return text
		}
	}
	if len(now) > len(old) {
		return fmt.Sprintf("the e2e command %q is new since the seal", now[len(old)].Command)
	}
	return "the hash of the e2e commands in the seal is not that of its commands"
}

// changedCommand says how a command changed.
func changedCommand(old, now sealfile.Command) (string, bool) {
	switch {
	case old.Command != now.Command || old.Inside != now.Inside || old.Suite != now.Suite:
		return fmt.Sprintf("the e2e command %q, which the seal was proved with, is now %q", old.Command, now.Command), true
	case old.File == nil && now.File == nil:
		return "", false
	case old.File == nil:
		return now.File.Path + " is a script of the working directory now, and was not when the seal was made", true
	case now.File == nil || now.File.Hash == "":
		return old.File.Path + ", which the seal was proved with, is missing", true
	}
	return old.File.Path + " changed since the seal was made", old.File.Hash != now.File.Hash
}

// Against returns the findings with those of a baseline as notes, since they are known.
func Against(found, baseline []finding.Finding) []finding.Finding {
	known := map[string]int{}
	for _, f := range baseline {
		known[f.Key()]++
	}
	out := slices.Clone(found)
	for i, f := range out {
		if known[f.Key()] > 0 {
			known[f.Key()]--
			if f.Level != finding.Note {
				out[i].Level = finding.Note
				out[i].Message = "known: " + f.Message
			}
		}
	}
	return out
}
