package batch

import (
	"slices"
	"testing"

	"github.com/podseal/podseal/internal/config"
	"github.com/podseal/podseal/internal/deliver"
)

// TestFormats: podseal.yaml takes the formats that can be delivered.
func TestFormats(t *testing.T) {
	if a, b := config.Formats(), deliver.Formats(); !slices.Equal(a, b) {
		t.Errorf("podseal.yaml takes %s, but there are %s", a, b)
	}
}
