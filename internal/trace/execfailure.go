package trace

import (
	"fmt"
	"regexp"
	"strings"
)

// notFound and notExecutable are the exit codes of a program that cannot be started, by shells, engines and the sensor.
const (
	notExecutable = 126
	notFound      = 127
)

// execFailure matches what the sensor, or the engine in a container without it, writes for such a program in place of its
// output. The message is runc's or crun's; "unknown" is containerd's class of the error.
var execFailure = regexp.MustCompile(`(?m)^(?:podseal sensor: starting ([^:\n]+)|OCI runtime exec failed: .*exec:? "([^"\n]+)"): (.+?)(?:: unknown)?$`)

// ExplainExec returns the output of a command that was executed in a container. For a program that could not be started,
// it is a sentence with the next step.
func ExplainExec(code int, output string) string {
	if code != notFound && code != notExecutable {
		return output
	}
	found := execFailure.FindStringSubmatch(strings.ReplaceAll(output, "\r", ""))
	if found == nil {
		return output
	}
	return fmt.Sprintf("the container cannot start %s: %s: run the command on the host, or use an image that has the program",
		found[1]+found[2], found[3])
}
