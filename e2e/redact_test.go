//go:build engine

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// leaky is an application that logs its secrets, writes files that are named after one, and takes one as an argument.
const leaky = `apiVersion: apps/v1
kind: Deployment
metadata: {name: leaky}
spec:
  selector: {matchLabels: {app: leaky}}
  template:
    metadata: {labels: {app: leaky}}
    spec:
      containers:
      - name: app
        image: podseal-example/nginx
        env:
        - {name: PASSWORD, valueFrom: {secretKeyRef: {name: app, key: password}}}
        - {name: TOKEN, valueFrom: {secretKeyRef: {name: app, key: token}}}
        command: [sh, -c]
        args:
        - |
          echo "ERROR cannot open $PASSWORD" >&2; echo "{\"password\": \"$TOKEN\"}"; echo "session_9f8e7d6c5b"
          mkdir -p /data/$TOKEN; echo "$PASSWORD" > /data/$TOKEN/$TOKEN.txt || exit 1
          : $(TOKEN)
          exec sleep 600
`

const leakySecret = `apiVersion: v1
kind: Secret
metadata: {name: app}
stringData:
  password: "Pw1st\"<q>&'uo\nPwSec0nd line\n"
  token: tkAbc123xyz
`

// TestNoOutputHoldsSecrets searches every output of a run that is sealed, and of one whose e2e command fails.
func TestNoOutputHoldsSecrets(t *testing.T) {
	for name, command := range map[string]string{
		"sealed":       `echo "$PASSWORD $TOKEN session_9f8e7d6c5b"; cat /data/*/*`,
		"not testable": `echo "$PASSWORD" "$TOKEN" session_9f8e7d6c5b; exit 1`,
	} {
		t.Run(name, func(t *testing.T) {
			dir, out := t.TempDir(), t.TempDir()
			manifest, secret := filepath.Join(dir, "deploy.yaml"), filepath.Join(dir, "secret.yaml")
			for file, text := range map[string]string{manifest: leaky, secret: leakySecret} {
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			args := []string{"run", "-f", manifest, "--with", secret, "--verbose", "--redact", `session_[0-9a-f]+`, "--exec", command, "-o", filepath.Join(out, "sealed.yaml")}
			kinds := []string{"json", "markdown", "junit", "sarif", "github", "gitlab", "html"}
			for _, kind := range kinds {
				args = append(args, "--report", kind+"="+filepath.Join(out, kind))
			}
			args = append(args, "--seal", filepath.Join(out, "app.seal.yaml"))
			got := podseal(t, args...)
			got.mustExit(t, map[string]int{"sealed": exitSealed, "not testable": exitE2EFails}[name])
			if name == "sealed" {
				podseal(t, "check", "-f", filepath.Join(out, "sealed.yaml"), "--seal", filepath.Join(out, "app.seal.yaml"), "--exec", command).mustExit(t, exitSealed)
			}
			texts := map[string]string{"stdout": got.stdout, "stderr": got.stderr}
			files, err := filepath.Glob(filepath.Join(out, "*"))
			if err != nil || len(files) < len(kinds) {
				t.Fatalf("files: %v, %v", files, err)
			}
			for _, file := range files {
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				texts[filepath.Base(file)] = string(data)
			}
			delete(texts, "sealed.yaml") // the text of the user's manifest, which names the session itself
			for output, text := range texts {
				for _, part := range []string{"Pw1st", "uo\\n", "PwSec0nd", "tkAbc123xyz", "9f8e7d6c5b"} {
					if at := strings.Index(text, part); at >= 0 {
						t.Errorf("%s holds %s: %q", output, part, text[max(0, at-60):min(len(text), at+40)])
					}
				}
			}
			for _, shown := range []string{"stderr", "json", "html"} {
				if !strings.Contains(texts[shown], "***") {
					t.Errorf("%s hides nothing: the application did not run as it should\n%s", shown, fmt.Sprint(got.stderr))
				}
			}
		})
	}
}
