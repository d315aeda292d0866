package plan

import (
	"context"
	"regexp"
)

// PingField is the field of a Reason for the groups that may send an ICMP echo.
const PingField = "sysctl net.ipv4.ping_group_range"

// pinging finds the words of programs and libraries that make a socket for ICMP.
var pinging = regexp.MustCompile(`(?i)\bping:|icmp|raw socket|\bsocket: (?:permission denied|operation not permitted)`)

// repairPing answers a refused socket for an ICMP echo: no path is refused, and something in the run speaks of one.
func repairPing(_ context.Context, f failure) (Repair, error) {
	r := Repair{Profile: f.cur}
	said := f.run.Logs
	for _, c := range f.run.Commands {
		if c.Code != 0 {
			said += "\n" + c.Output
		}
	}
	if f.cur.Ping || !pinging.MatchString(said) {
		return r, nil
	}
	for _, l := range f.refused {
		// "ping: socket: ..." reads like a path, too.
		if (l.Errno == "EACCES" || l.Errno == "EPERM") && (l.Path == "" || pinging.MatchString(l.Line)) {
			r.Profile.Ping = true
			r.blame(PingField, "sends ICMP echoes, which older kubelets' runtimes let no user do who is not root", l.Line)
			break
		}
	}
	return r, nil
}
