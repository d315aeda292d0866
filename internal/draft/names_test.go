package draft

import (
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/config"
)

func TestUniqueNames(t *testing.T) {
	long := strings.Repeat("x", 63)
	got := uniqueNames([]config.DraftTarget{
		{Name: "web", Select: "Deployment/shop"},
		{Name: "web", Select: "Deployment/web"},
		{Name: "db"},
		{Name: "db"},
		{Name: long},
		{Name: long},
	})
	want := []string{"shop-web", "web", "db", "db-2", long, long[:61] + "-2"}
	for i, w := range want {
		if got[i].Name != w {
			t.Errorf("%d: %s, want %s", i, got[i].Name, w)
		}
	}
}

func TestLooksLikeFile(t *testing.T) {
	for name, want := range map[string]bool{"nginx:1.29": false, "example.com/a/b": false, "deploy.yaml": true, "./x": true, "/x": true, "deploy/": true} {
		if got := looksLikeFile(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
