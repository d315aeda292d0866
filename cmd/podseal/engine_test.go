package main

import (
	"testing"
)

func TestKubernetesVersion(t *testing.T) {
	for version, want := range map[string]string{
		"": "no", "1.35": "no", "v1.35.9": "no", "1.36": "yes", "v1.36": "yes", "1.36.0": "yes", "1.100": "yes",
		"v1.36.2-gke.100": "yes", "1.35.1+k3s1": "no", "1": "bad", "2.0": "bad", "latest": "bad", "1.x": "bad",
	} {
		o := clusterOptions{kubernetes: version}
		got := "no"
		switch err := o.check(); {
		case err != nil:
			got = "bad"
		case o.imageVolumes():
			got = "yes"
		}
		if got != want {
			t.Errorf("--kubernetes-version %q: image volumes %s, want %s", version, got, want)
		}
	}
}
