package podrun

import (
	"net"
	"regexp"
	"strconv"
	"strings"

	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/trace"
)

// lateFailure matches the only line that a container writes whose program the kernel refused after the runtime had
// reported success. A binary with a file capability that was dropped ends like this. The message is runc's.
var lateFailure = regexp.MustCompile(`^(?:standard_init_linux\.go:\d+: exec user process caused|exec \S+): ` +
	`(operation not permitted|permission denied|exec format error|no such file or directory)\s*$`)

// explainExit adds the message and the code of a program that could not be executed where only the logs show it.
func explainExit(exit observe.Exit, logs func() (string, error)) (observe.Exit, error) {
	late := exit.Code == 1 || exit.Code == 255
	sensor := exit.Code == 126 || exit.Code == 127
	if exit.Error != "" || !late && !sensor {
		return exit, nil
	}
	text, err := logs()
	if err != nil {
		return exit, err
	}
	if sensor {
		exit.Error = trace.StartFailure(text)
	}
	line := strings.TrimSpace(text)
	if found := lateFailure.FindStringSubmatch(line); late && found != nil {
		exit.Code, exit.Error = 126, line
		if found[1] == "no such file or directory" {
			exit.Code = 127
		}
	}
	return exit, nil
}

func hostPort(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
