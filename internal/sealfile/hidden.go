package sealfile

import (
	"regexp"
	"slices"
	"strings"

	"github.com/podseal/podseal/internal/redact"
)

// hidden matches what stands for a secret in a seal.
var hidden = regexp.MustCompile(`\*\*\*|\(secret\)`)

// Hidden returns the recorded text if it is the text but for the secrets that the record hides, else the text.
func Hidden(text, recorded string) string {
	parts := hidden.Split(recorded, -1)
	if len(parts) == 1 {
		return text
	}
	for i, p := range parts {
		parts[i] = regexp.QuoteMeta(p)
	}
	same := regexp.MustCompile(`(?s)^` + strings.Join(parts, `.+`) + `$`)
	if same.MatchString(text) {
		return recorded
	}
	return text
}

// HiddenWords returns words with each one hidden as in the record. Words of another number are returned as they are.
func HiddenWords(words, recorded []string) []string {
	if len(words) != len(recorded) {
		return words
	}
	out := slices.Clone(words)
	for i, was := range recorded {
		out[i] = Hidden(words[i], was)
	}
	return out
}

// HiddenAs returns the commands with their texts hidden as in the record, and the hash of these.
func (c Commands) HiddenAs(recorded Commands) Commands {
	if len(c.List) != len(recorded.List) {
		return c
	}
	i := -1
	return c.Redacted(func(text string) string {
		i++
		return Hidden(text, recorded.List[i].Command)
	})
}

// Redacted returns seals without secrets in their texts. It keeps the rest that a check compares: paths of mounts, the image,
// the settings of the manifest. The hash of the commands is that of the redacted ones, as a check expects it.
func Redacted(list []Seal, r *redact.Redactor) []Seal {
	out := redact.Apply(r, list)
	for i, seal := range list {
		out[i].Image, out[i].Profile, out[i].Run = seal.Image, seal.Profile, seal.Run
		out[i].Manifest = seal.Manifest
		out[i].Manifest.Command, out[i].Manifest.Args = redact.Apply(r, seal.Manifest.Command), redact.Apply(r, seal.Manifest.Args)
		out[i].Commands = seal.Commands.Redacted(r.String)
	}
	return out
}
