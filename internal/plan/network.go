package plan

import (
	"context"
	"fmt"
	"regexp"
	"strings"
)

// proposePort opens ports below 1024 after the bind of one was refused.
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

// pinging matches the words of programs and libraries that open a socket for ICMP.
var pinging = regexp.MustCompile(`(?i)\bping:|icmp|raw socket|\bsocket: (?:permission denied|operation not permitted)`)

// proposePing allows ICMP echoes after a refusal that names no path, if the logs or a failed command mention ICMP.
func proposePing(_ context.Context, f failure) (Proposal, error) {
	r := Proposal{Profile: f.cur}
	if line := refusedPing(said(f.logs, f.run.Commands), f.refused); line != "" && !f.cur.Ping {
		r.Profile.Ping = true
		r.blame(PingField, "sends ICMP echoes, which the runtimes of older kubelets refuse to every user but root", line, f.cap(FromLog))
	}
	return r, nil
}

// refusedPing returns the line that reports the refusal of an ICMP echo; "" if there is none.
func refusedPing(text string, lines []Refused) string {
	for _, l := range lines {
		// "ping: socket: ..." looks like a path to the parser.
		if (l.Errno == "EACCES" || l.Errno == "EPERM") && (l.Path == "" && pinging.MatchString(text) || pinging.MatchString(l.Line)) {
			return l.Line
		}
	}
	return ""
}
