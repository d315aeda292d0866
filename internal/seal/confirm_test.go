package seal

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/image"
	"github.com/podseal/podseal/internal/target"
	"github.com/podseal/podseal/internal/trial"
)

// TestSealWithoutCommands makes sure that the commands of a serialised seal are a list where there are none.
func TestSealWithoutCommands(t *testing.T) {
	s, err := mint(target.Target{Image: "app"}, image.Facts{}, Round{Outcome: trial.Passed}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := json.Marshal(s); err != nil || !strings.Contains(string(data), `"commands":[]`) {
		t.Errorf("%s (%v)", data, err)
	}
}
