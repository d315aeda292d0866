package target

import (
	"regexp"
	"strconv"
	"strings"
)

// MaxID is the largest user or group id that engines and Kubernetes take.
const MaxID = 1<<31 - 1

// ValidUser reports whether a user can be meant by USER[:GROUP], each a name or an id.
func ValidUser(s string) bool {
	user, group, both := strings.Cut(s, ":")
	return validID(user) && (!both || validID(group))
}

var accountName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.@-]*\$?$`)

func validID(s string) bool {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n >= 0 && n <= MaxID
	}
	return accountName.MatchString(s)
}

// objectName is what an engine takes as the name or the id of an object.
var objectName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

// ValidNetwork reports whether a network can be meant: the name of one, host, none or container:NAME.
func ValidNetwork(s string) bool {
	name, _ := strings.CutPrefix(s, "container:")
	return objectName.MatchString(name)
}
