package launch

import (
	"path"
	"slices"
	"strings"
)

// dropTool is a program that becomes another user and then runs a command.
type dropTool struct {
	flags []string // options whose value is the user, "--user" also as "--user=VALUE"
	first bool     // the first word that is no option is the user
	skip  []string // options that take a value that is not the user
}

// dropTools lists the programs by which entrypoints drop their privileges, with the place of the user in their arguments.
var dropTools = map[string]dropTool{
	"gosu":              {first: true},
	"su-exec":           {first: true},
	"setpriv":           {flags: []string{"--reuid", "--ruid", "--euid"}, skip: []string{"--regid", "--groups", "--inh-caps", "--bounding-set"}},
	"runuser":           {flags: []string{"-u", "--user"}, first: true, skip: []string{"-g", "-G", "-s", "-c", "--shell", "--command", "--group"}},
	"s6-setuidgid":      {first: true},
	"s6-applyuidgid":    {flags: []string{"-u"}, skip: []string{"-g", "-G"}},
	"setuidgid":         {first: true},
	"chpst":             {flags: []string{"-u"}, skip: []string{"-U", "-e", "-n", "-b", "-/"}},
	"chroot":            {flags: []string{"--userspec"}, skip: []string{"--groups"}},
	"start-stop-daemon": {flags: []string{"--chuid", "-c"}, skip: []string{"--exec", "--pidfile", "-x", "-p", "-n", "--name", "-g"}},
	"su":                {first: true, skip: []string{"-s", "-c", "--shell", "--command", "-g", "-G"}},
	"sudo":              {flags: []string{"-u", "--user"}, skip: []string{"-g"}},
	"doas":              {flags: []string{"-u"}},
	"yasu":              {first: true},
	"setuser":           {first: true},
	"capsh":             {flags: []string{"--user"}},
}

// dropOf returns the user that a command line drops to; empty for none. The words start with the program's name.
func dropOf(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return dropTools[path.Base(words[0])].user(words[1:])
}

// endsInFlag reports whether an argument is several options of one letter, and the last one takes the user: "-EHu".
func (t dropTool) endsInFlag(a string) bool {
	return len(a) > 2 && a[0] == '-' && a[1] != '-' && slices.Contains(t.flags, "-"+a[len(a)-1:])
}

func (t dropTool) user(args []string) string {
	for i := 0; i < len(args); i++ {
		a := args[i]
		name, value, joined := strings.Cut(a, "=")
		switch {
		case joined && slices.Contains(t.flags, name):
			return value
		case slices.Contains(t.flags, a) || t.endsInFlag(a):
			return strings.Join(args[i+1:min(i+2, len(args))], "")
		case slices.Contains(t.skip, a):
			i++
		case a == "--":
			return ""
		case strings.HasPrefix(a, "-"):
		case t.first:
			return a
		default:
			return ""
		}
	}
	return ""
}
