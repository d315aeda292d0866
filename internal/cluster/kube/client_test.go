package kube

import (
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
