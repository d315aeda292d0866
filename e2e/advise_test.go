//go:build engine

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAdviseProves builds changed Dockerfiles and seals their images. A proved Dockerfile is written. One that does not
// build or does not pass is reported with its reason and stays as it is.
func TestAdviseProves(t *testing.T) {
	const page = "FROM podseal-example/nginx\nRUN test -d /usr/share/nginx/html\nCOPY hello.html /usr/share/nginx/html/\n"
	const folders = "RUN install -d -o 101 -g 101 /run /var/cache/nginx\n"
	cases := []struct {
		name, dockerfile, url, out string
		code                       int
		written                    bool
	}{
		{"proved in a pod", page, "hello.html", "in a pod that gives it writable folders", exitSealed, true},
		{"proved by itself", page + folders, "hello.html", "Proved: the changed image passes", exitSealed, true},
		{"does not build", page + "RUN echo the reason >&2; exit 7\n", "hello.html", "the reason", exitNotSealed, false},
		{"does not pass", page, "none.html", "even as root", exitNotSealed, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "Dockerfile")
			for name, text := range map[string]string{
				file: c.dockerfile, filepath.Join(dir, "hello.html"): "hello", filepath.Join(dir, ".dockerignore"): "secret\n",
			} {
				if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			catalog := filepath.Join(dir, "catalog.yaml")
			entry := "version: 1\nbases:\n- {image: podseal-example/nginx, family: debian, user: \"\", accounts: {nginx: \"101:101\"}, prefer: nginx}\n"
			if err := os.WriteFile(catalog, []byte(entry), 0o644); err != nil {
				t.Fatal(err)
			}
			r := podseal(t, "advise", "--prove", "--write", "--catalog", catalog, file, "--", "sh", "-c", "curl -fsS $PODSEAL_URL/"+c.url)
			r.mustExit(t, c.code)
			if text := strings.Join(strings.Fields(r.stdout), " "); !strings.Contains(text, c.out) {
				t.Errorf("want %q in\n%s\n%s", c.out, r.stdout, r.stderr)
			}
			data, err := os.ReadFile(file)
			if err != nil || strings.Contains(string(data), "\nUSER 101:101\n") != c.written {
				t.Errorf("written: want %v, got\n%s", c.written, data)
			}
		})
	}
}
