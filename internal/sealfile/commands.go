package sealfile

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/advise/shellscript"
	"github.com/podseal/podseal/internal/redact"
	"github.com/podseal/podseal/internal/safetext"
	"github.com/podseal/podseal/internal/target"
)

// ReadFile returns the content of a regular file in or below the working directory, by its relative path with slashes; ok is
// false for any other path.
type ReadFile func(at string) (content []byte, ok bool)

// NewCommands returns the e2e commands of a target with their hash. A nil read finds no file.
func NewCommands(t target.Target, read ReadFile) Commands {
	var c Commands
	for _, command := range t.Commands {
		c.List = append(c.List, Command{
			Command: safetext.Text(redact.Command(t.Concealed([]string{command.String()})[0])),
			Inside:  command.Inside, Suite: command.Suite, File: fileOf(command, read),
		})
	}
	c.Hash = c.hash()
	return c
}

// Reread returns the commands with the present content of their files: the same value if no file changed.
func (c Commands) Reread(read ReadFile) Commands {
	now, changed := Commands{List: slices.Clone(c.List)}, false
	for i, command := range now.List {
		if command.File == nil {
			continue
		}
		f := File{Path: command.File.Path}
		if content, ok := read(f.Path); ok {
			f.Hash = hashOf(content)
		}
		changed = changed || f != *command.File
		now.List[i].File = &f
	}
	if !changed {
		return c
	}
	now.Hash = now.hash()
	return now
}

// Redacted returns the commands with the results of a function in place of their texts, and the hash of these.
func (c Commands) Redacted(f func(string) string) Commands {
	now := Commands{List: slices.Clone(c.List)}
	for i, command := range now.List {
		now.List[i].Command = f(command.Command)
	}
	now.Hash = now.hash()
	return now
}

// hash covers all commands. Every text is preceded by its length, so that no two lists have one encoding.
func (c Commands) hash() string {
	h := sha256.New()
	write := func(texts ...string) {
		for _, text := range texts {
			sum := sha256.Sum256([]byte(text))
			_, _ = h.Write(sum[:]) // a hash never fails
		}
	}
	for _, command := range c.List {
		inside := ""
		if command.Inside {
			inside = "inside"
		}
		file := File{}
		if command.File != nil {
			file = *command.File
		}
		write(command.Command, inside, command.Suite, file.Path, file.Hash)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

func hashOf(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// interpreters are programs whose first argument that is no option is a script.
var interpreters = []string{"sh", "bash", "dash", "ash", "ksh", "zsh", "python", "python3", "node", "ruby", "perl", "php", "deno", "bun", "pwsh"}

// fileOf returns the script on the host that a command names.
func fileOf(c target.Command, read ReadFile) *File {
	if c.Inside || read == nil {
		return nil
	}
	words := c.Argv
	if len(words) == 3 && words[0] == "sh" && words[1] == "-c" {
		words = firstWords(words[2])
	}
	if at := script(words); at != "" {
		if content, ok := read(at); ok {
			return &File{at, hashOf(content)}
		}
	}
	return nil
}

// firstWords returns the words of the first command of a shell line.
func firstWords(line string) []string {
	commands, err := shellscript.Parse(line)
	if err != nil || len(commands) == 0 {
		return nil
	}
	return commands[0].Words(shellscript.Env{})
}

// script returns the relative path of the script that the words of a command run; empty if they run none.
func script(words []string) string {
	if len(words) == 0 {
		return ""
	}
	at := words[0]
	if slices.Contains(interpreters, path.Base(at)) {
		rest := words[1:]
		for len(rest) > 0 && strings.HasPrefix(rest[0], "-") {
			rest = rest[1:]
		}
		if len(rest) == 0 {
			return ""
		}
		at = rest[0]
	} else if !strings.Contains(at, "/") {
		return "" // a program of the PATH
	}
	at = path.Clean(at)
	if path.IsAbs(at) || at == ".." || strings.HasPrefix(at, "../") {
		return ""
	}
	return at
}
