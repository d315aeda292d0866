package script

import (
	"cmp"
	"fmt"
	"strings"
)

// The errors of operations that are not errors of a system call.
const (
	Failed     = "failed"
	WrongOwner = "data directory has wrong ownership"
	WrongMode  = "data directory has group or world access"
	NotSticky  = "could not find a temporary directory"
	NoAccount  = "getpwuid(): uid not found"
)

// errnoTexts are the texts of the C library.
var errnoTexts = map[string]string{
	"EROFS": "Read-only file system", "EACCES": "Permission denied", "EPERM": "Operation not permitted",
	"ENOENT": "No such file or directory", "EBUSY": "Device or resource busy", "EXDEV": "Invalid cross-device link",
	"EEXIST": "File exists", "EISDIR": "Is a directory", "ENOTDIR": "Not a directory",
}

// Refusal returns the line that an application logs where an operation failed. The error is the name of an errno or one
// of this package's errors, the subject is a path or empty.
func (o Operation) Refusal(subject, err string) string {
	text := cmp.Or(errnoTexts[err], err)
	if o.Verb == "listen" {
		text = "bind: " + text
	}
	switch {
	case o.Text != "":
		return strings.ReplaceAll(o.Text, "%s", subject)
	case subject == "" || o.Has("terse"):
		return fmt.Sprintf("app: %s failed: %s", o.Verb, text)
	}
	return fmt.Sprintf("app: %s %s: %s", o.Verb, subject, text)
}
