package trace

import "testing"

func TestExplainExec(t *testing.T) {
	const next = ": run the command on the host, or use an image that has the program"
	for _, c := range []struct {
		name   string
		code   int
		output string
		want   string
	}{
		{"the sensor", 127, "podseal sensor: starting sh: executable file not found in $PATH in PATH=/bin\n", "the container cannot start sh: executable file not found in $PATH in PATH=/bin" + next},
		{"the engine", 126, "OCI runtime exec failed: exec failed: unable to start container process: exec: \"sh\": executable file not found in $PATH: unknown\r\n", "the container cannot start sh: executable file not found in $PATH" + next},
		{"a program that failed itself", 127, "sh: 1: nope: not found\n", "sh: 1: nope: not found\n"},
		{"another code", 1, "podseal sensor: starting sh: x", "podseal sensor: starting sh: x"},
	} {
		if got := ExplainExec(c.code, c.output); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
