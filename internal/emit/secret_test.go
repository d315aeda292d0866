package emit

import (
	"bytes"
	"testing"

	"github.com/podseal/podseal/internal/profile"
	"github.com/podseal/podseal/internal/target"
)

// TestNoSecretInACommand: a word of the command that a Secret's value was put into is not written down.
func TestNoSecretInACommand(t *testing.T) {
	in := []Input{{
		Name: "app", Profile: profile.Profile{User: profile.User{UID: 1000, GID: 1000}},
		Target: target.Target{Image: "app", Entrypoint: []string{"/app"}, Args: []string{"--password=hunter2"}, Secrets: []string{"hunter2"}},
	}}
	for name, write := range map[string]func([]Input) (View, error){"compose": Compose, "docker": DockerRun} {
		v, err := write(in)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(v.Text, []byte("hunter2")) || len(v.Notes) == 0 {
			t.Errorf("%s: notes %q\n%s", name, v.Notes, v.Text)
		}
	}
}
