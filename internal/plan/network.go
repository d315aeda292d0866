package plan

import (
	"context"
	"fmt"
	"regexp"
	"strings"
)

// proposePort answers a refused bind of a port below 1024.
func proposePort(_ context.Context, f failure) (Proposal, error) {
	r := Proposal{Profile: f.cur}
	if f.cur.LowPorts {
		return r, nil
	}
	for _, p := range f.run.DeniedPorts {
		if p < 1024 {
			r.Profile.LowPorts = true
			r.blame(LowPortField, fmt.Sprintf("binds port %d, which a kubelet does not open to a non-root user", p), fmt.Sprintf("EACCES bind of port %d", p), FromTrace)
			return r, nil
		}
	}
	for _, l := range f.refused {
		if l.Bind && l.Errno == "EACCES" && !strings.HasPrefix(l.Path, "/") {
			r.Profile.LowPorts = true
			r.blame(LowPortField, "binds a port below 1024, which a kubelet does not open to a non-root user", l.Line, f.cap(FromLog))
			return r, nil
		}
	}
	return r, nil
}

// PingField is the field of a Reason for the groups that may send an ICMP echo.
const PingField = "sysctl net.ipv4.ping_group_range"

// pinging finds the words of programs and libraries that make a socket for ICMP.
var pinging = regexp.MustCompile(`(?i)\bping:|icmp|raw socket|\bsocket: (?:permission denied|operation not permitted)`)

// proposePing answers a refused socket for an ICMP echo: no path is refused, and something in the run speaks of one.
func proposePing(_ context.Context, f failure) (Proposal, error) {
	r := Proposal{Profile: f.cur}
	said := f.logs
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
			r.blame(PingField, "sends ICMP echoes, which older kubelets' runtimes let no user do who is not root", l.Line, f.cap(FromLog))
			break
		}
	}
	return r, nil
}
