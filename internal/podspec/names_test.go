package podspec

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"
)

func TestVolumeName(t *testing.T) {
	for path, want := range map[string]string{
		"/var/cache/nginx": "var-cache-nginx",
		"/tmp":             "tmp",
		"/":                "volume",
		"/.config":         "config",
		"/Data/DB":         "data-db",
		"/az09AZ":          "az09az",
		"/a_b.c d":         "a-b-c-d",
	} {
		if got := VolumeName(path); got != want {
			t.Errorf("VolumeName(%q) = %q, want %q", path, got, want)
		}
	}
	long := "/" + strings.Repeat("very/long/", 10)
	if a, b := VolumeName(long+"a"), VolumeName(long+"b"); a == b || len(a) > MaxName {
		t.Errorf("long paths: %q and %q", a, b)
	}
	if a, b := VolumeName("/é"), VolumeName("/è"); a == b {
		t.Errorf("paths that differ only in what a name cannot hold share %q", a)
	}
}

func TestNamesAreUnique(t *testing.T) {
	taken := Names{"tmp": true}
	long := strings.Repeat("x", MaxName)
	for _, c := range []struct{ ask, want string }{
		{"tmp", "tmp-2"}, {"tmp", "tmp-3"}, {"run", "run"}, {long, long}, {long, long[:MaxName-2] + "-2"},
	} {
		if got := taken.Take(c.ask); got != c.want {
			t.Errorf("Take(%q) = %q, want %q", c.ask, got, c.want)
		}
	}
}

func FuzzVolumeName(f *testing.F) {
	for _, s := range []string{"/var/cache/nginx", "/", "", "/é", "//a//", "/-a-", strings.Repeat("/a", 60)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		for _, name := range []string{VolumeName(path), seedName(path), Names{VolumeName(path): true}.Take(VolumeName(path))} {
			if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
				t.Errorf("%q gives %q: %v", path, name, problems)
			}
		}
	})
}
