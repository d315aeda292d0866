package kube

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericclioptions"
)

func TestConnectWithoutCluster(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	t.Setenv("KUBECONFIG", missing)
	_, err := Connect(genericclioptions.NewConfigFlags(false))
	if err == nil || !strings.Contains(err.Error(), "no such file: "+missing) {
		t.Errorf("got %v", err)
	}
}

// TestConnectNamesMalformedKubeconfigs: the file and what to do are said, and nothing of the decoder's types.
func TestConnectNamesMalformedKubeconfigs(t *testing.T) {
	for _, text := range []string{"clusters: {a: b}\n", "\x00", "clusters: [\n"} {
		name := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		flags := genericclioptions.NewConfigFlags(false)
		flags.KubeConfig = &name
		want := name + " is not a kubeconfig: correct it until kubectl config view --kubeconfig " + name + " prints it, or name another one with --kubeconfig"
		if _, err := Connect(flags); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
