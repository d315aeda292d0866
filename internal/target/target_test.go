package target_test

import (
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/target"
)

// A command of the target replaces the ENTRYPOINT and the CMD, arguments alone the CMD.
func TestArgv(t *testing.T) {
	for _, tt := range []struct {
		entrypoint, args []string
		want             string
	}{
		{nil, nil, "/e c"},
		{nil, []string{"a"}, "/e a"},
		{nil, []string{}, "/e"},
		{[]string{"x"}, nil, "x"},
		{[]string{"x"}, []string{"a"}, "x a"},
	} {
		got := target.Target{Entrypoint: tt.entrypoint, Args: tt.args}.Argv([]string{"/e"}, []string{"c"})
		if strings.Join(got, " ") != tt.want {
			t.Errorf("the command of %v and %v = %v", tt.entrypoint, tt.args, got)
		}
	}
}
