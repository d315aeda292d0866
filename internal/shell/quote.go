// Package shell quotes words for a POSIX shell.
package shell

import "strings"

// plain are the characters that no shell treats as special inside a word.
const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-+:,=@%"

// Quote returns one word for a POSIX shell that stands for s. A word of plain characters is returned as it is, so that
// commands are readable.
func Quote(s string) string {
	if s != "" && strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
