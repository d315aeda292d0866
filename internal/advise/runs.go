package advise

import (
	"fmt"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/profile"
)

// Trial is what a run showed of one user.
type Trial struct {
	User   profile.User
	Passed bool
	// Why is the failure, one sentence; empty if the run passed.
	Why string
	// NoAccount reports whether the application asked for the account of the uid, which the image does not have.
	NoAccount bool
}

// Runs is what the runs of an image showed of its users.
type Runs struct {
	Declared string  // USER of the image
	Trials   []Trial // in their order
	// Exceptions are the settings that the result relaxes, as in --allow.
	Exceptions []string
}

// passed returns the last trial that passed as a user who is not root.
func (r Runs) passed() (Trial, bool) {
	for _, t := range slices.Backward(r.Trials) {
		if t.Passed && t.User.UID != 0 {
			return t, true
		}
	}
	return Trial{}, false
}

// of returns the trial that decides about a uid: the last one that passed, else the last one.
func (r Runs) of(uid int64) Trial {
	var out Trial
	for _, t := range r.Trials {
		if t.User.UID == uid && (t.Passed || !out.Passed) {
			out = t
		}
	}
	return out
}

// numeric reports whether the image declares a user by a number that is not root.
func (r Runs) numeric() bool {
	name, _, _ := strings.Cut(r.Declared, ":")
	return strings.Trim(name, "0123456789") == "" && strings.Trim(name, "0") != ""
}

// AfterRuns returns the ways out that are left after runs: what they proved, and nothing that they refuted.
func AfterRuns(ways []Way, runs Runs) []Way {
	if len(runs.Trials) == 0 {
		return ways
	}
	var out []Way
	for _, w := range ways {
		switch w.Kind {
		case Pin:
			if w, ok := pinAfter(w, runs); ok {
				out = append(out, w)
			}
		case Dockerfile:
			out = append(out, dockerfileAfter(w, runs))
		default:
			out = append(out, w)
		}
	}
	return out
}

// pinAfter returns the way to pin a user in the manifest: the user that a run passed as. There is none where every trial
// failed.
func pinAfter(w Way, runs Runs) (Way, bool) {
	t, ok := runs.passed()
	if !ok {
		return Way{}, false
	}
	w.Says = fmt.Sprintf("pin uid %d in the manifest: a run passed as it", t.User.UID)
	if len(runs.Exceptions) > 0 {
		w.Says += ", with exceptions (" + strings.Join(runs.Exceptions, ", ") + ")"
	}
	w.Cost, w.Snippet = "check the uid again when the tag changes", podSnippet(t.User)
	return w, true
}

// dockerfileAfter returns the way to change the image: to the user that a run passed as, else what the failed trial of a
// user needs.
func dockerfileAfter(w Way, runs Runs) Way {
	t, ok := runs.passed()
	if !ok {
		w.Says, w.Snippet = UserFix(runs), ""
		return w
	}
	w.Snippet = fmt.Sprintf("USER %d:%d\n", t.User.UID, t.User.GID)
	if runs.numeric() {
		w.Says = fmt.Sprintf("declare the user that the runs passed as, in place of USER %s", runs.Declared)
	}
	return w
}

// UserFix says what to change in an image that does not pass as any user but root, in one sentence: the account that it
// misses, the failure of the user that it declares, or a USER where it has none.
func UserFix(runs Runs) string {
	if fix, ok := AccountFix(runs); ok {
		return fix
	}
	for _, t := range slices.Backward(runs.Trials) {
		if t.User.UID == 0 {
			continue
		}
		if last := runs.of(t.User.UID); !last.Passed {
			return workAs(runs, last)
		}
	}
	if runs.numeric() {
		return fmt.Sprintf("let the application work as USER %s, which the image declares", runs.Declared)
	}
	return "add a numeric USER as the last line of the Dockerfile, and give it what the application needs: files it may read, " +
		"ports from 1024, no step at the start that needs root"
}

func workAs(runs Runs, t Trial) string {
	needs := "files that it may read and write, ports from 1024, no step at the start that needs root"
	if t.Why != "" {
		needs = "it failed: " + strings.TrimSuffix(t.Why, ".")
	}
	if runs.numeric() {
		return fmt.Sprintf("let the application work as uid %d, which USER declares (%s)", t.User.UID, needs)
	}
	return fmt.Sprintf("let the application work as uid %d (%s), and declare it: USER %d:%d", t.User.UID, needs, t.User.UID, t.User.GID)
}

// AccountFix says how to give a uid the account that the application missed in a failed run, with a line that needs no tool
// for users. ok is false where none missed one.
func AccountFix(runs Runs) (fix string, ok bool) {
	for _, t := range slices.Backward(runs.Trials) {
		if u := t.User; t.NoAccount && !t.Passed && u.UID != 0 {
			return fmt.Sprintf("give uid %d an account, which the application asks for: in the Dockerfile, before USER, "+
				"RUN echo 'app:x:%d:%d::/tmp:/sbin/nologin' >> /etc/passwd", u.UID, u.UID, u.GID), true
		}
	}
	return "", false
}
