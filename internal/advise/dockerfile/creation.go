package dockerfile

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/advise/shellscript"
)

// healthFindings returns the findings about files that a HEALTHCHECK writes outside the folders that are writable anyway.
func (c stageCheck) healthFindings(in Instruction) []Finding {
	if len(in.Words) < 2 || !strings.EqualFold(in.Words[0], "cmd") {
		return nil
	}
	check := Instruction{Name: "run", Words: in.Words[1:], Exec: in.Exec, Line: in.Line}
	var out []Finding
	for _, command := range check.commands(c.state.scope.all()) {
		for _, file := range command.creates() {
			if at := join(c.state.dir, file); !c.writable(at) {
				out = append(out, Finding{RuleHealth, in.Line, fmt.Sprintf("HEALTHCHECK writes %s, which fails under a read-only root file system "+
					"where a probe runs the same command: write to /dev/null or below /tmp", at), at})
			}
		}
	}
	return out
}

// startFindings returns the findings about files that the shell scripts of ENTRYPOINT and CMD write, as those of health
// checks. A program that takes the script as its arguments is no shell.
func (c stageCheck) startFindings() []Finding {
	var out []Finding
	for _, s := range []struct {
		name string
		argv []string
		line int
	}{{"ENTRYPOINT", c.state.entrypoint, c.state.entrypointLine}, {"CMD", c.state.cmd, c.state.cmdLine}} {
		start := Instruction{Name: "run", Words: s.argv, Exec: true, Line: s.line}
		if len(s.argv) == 0 || s.line == 0 {
			continue
		}
		for _, command := range start.commands(c.state.scope.all()) {
			for _, w := range command.Writes(shellscript.Env{Vars: command.env.Vars}) {
				if at := join(c.state.dir, w.Path); !strings.HasPrefix(w.Path, "&") && !c.writable(at) {
					out = append(out, Finding{RuleStart, s.line, fmt.Sprintf("%s writes %s: under a read-only root file system it needs a writable mount, "+
						"and the user needs the right to write there", s.name, at), at})
				}
			}
		}
	}
	return out
}

// writable reports whether a path is a device, or below a folder for temp files or a VOLUME.
func (c stageCheck) writable(at string) bool {
	folders := append([]string{"/dev", "/proc"}, sharedFolders...)
	for _, in := range c.stage.Body {
		if in.Name != "volume" {
			continue
		}
		for _, v := range in.Words {
			folders = append(folders, path.Clean(c.file.expand(v, c.state.scope.all())))
		}
	}
	return strings.Contains(at, "$") || slices.ContainsFunc(folders, func(dir string) bool { return within(at, dir) })
}

// creates returns the files that a command of a health check writes, as it names them: by redirections, touch and tee, and
// by downloads.
func (c runCommand) creates() []string {
	var out []string
	for _, w := range c.Writes(shellscript.Env{Vars: c.env.Vars}) {
		out = append(out, w.Path)
	}
	switch path.Base(c.words[0]) {
	case "touch", "tee":
		out = append(out, c.operands()...)
	case "curl":
		out = append(out, c.valueOf("o", "--output"))
	case "wget":
		if file := c.valueOf("O", "--output-document"); file != "" {
			out = append(out, file)
		} else if !slices.Contains(c.words, "--spider") {
			out = append(out, "index.html")
		}
	}
	return slices.DeleteFunc(out, func(file string) bool { return file == "" || file == "-" || strings.HasPrefix(file, "&") })
}

// valueOf returns the value of an option, by its letter, which may be written with others and the value, or by its long
// name; empty if the command does not have it.
func (c runCommand) valueOf(letter, long string) string {
	for i, w := range c.words {
		if value, ok := strings.CutPrefix(w, long+"="); ok {
			return value
		}
		short := strings.HasPrefix(w, "-") && !strings.HasPrefix(w, "--")
		at := strings.Index(w, letter)
		switch {
		case short && at > 0 && at+1 < len(w):
			return w[at+1:]
		case (short && at > 0 || w == long) && i+1 < len(c.words):
			return c.words[i+1]
		}
	}
	return ""
}
