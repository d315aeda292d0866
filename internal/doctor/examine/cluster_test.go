//go:build cluster

package examine

import (
	"os"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/podseal/podseal/internal/cluster/kube"
	"github.com/podseal/podseal/internal/docker/dockertest"
	"github.com/podseal/podseal/internal/doctor"
)

// TestCluster examines the cluster at hand, on which other tests verify seals. No namespace is left.
func TestCluster(t *testing.T) {
	if os.Getenv("KUBECONFIG") == "" {
		dockertest.Missing(t, "no cluster to test with: set KUBECONFIG, or run make test-cluster")
	}
	client, err := kube.Connect(genericclioptions.NewConfigFlags(true))
	if err != nil {
		t.Fatal(err)
	}
	c, err := Cluster(t.Context(), client)
	if err != nil || c.Sealed != "" || c.Tried != "" || !c.PodSecurity || len(c.Denied) > 0 || len(c.Nodes) == 0 {
		t.Errorf("%+v, %v", c, err)
	}
	if !doctor.ForCluster(c).Works() {
		t.Error("the report says that the cluster does not work")
	}
	left, err := client.API.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{LabelSelector: kube.LabelRun})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range left.Items {
		if n.DeletionTimestamp == nil && len(n.Name) > 7 && n.Name[len(n.Name)-7:] == "-doctor" {
			t.Errorf("namespace %s is left", n.Name)
		}
	}
}
