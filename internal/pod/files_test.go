package pod

import (
	"testing"

	"github.com/podseal/podseal/internal/manifest"
)

func TestStaysInVolume(t *testing.T) {
	for at, want := range map[string]bool{
		"a": true, "a/b": true, ".a": true, "a/..b": true, "./a": true, "a/": true,
		"": false, ".": false, "./": false, "/a": false, "..": false, "../a": false, "a/..": false, "a/../b": false, "..data": false, "./..data": false,
	} {
		if got := staysInVolume(at); got != want {
			t.Errorf("%q: %v", at, got)
		}
	}
}

// TestObjects: only ConfigMaps and Secrets of the core API are taken, in the pod's namespace or in none.
func TestObjects(t *testing.T) {
	f, err := manifest.Parse("in.yaml", []byte(`apiVersion: v1
kind: Secret
metadata: {name: a, namespace: shop}
---
apiVersion: example.com/v1
kind: Secret
metadata: {name: b}
---
apiVersion: v1
kind: Service
metadata: {name: c}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: d}
---
{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: p, image: p}]}}
`), "")
	if err != nil {
		t.Fatal(err)
	}
	var o Objects
	o.Add(f)
	for _, c := range []struct {
		kind, namespace, name string
		want                  bool
	}{
		{"Secret", "shop", "a", true},
		{"Secret", "", "a", true},
		{"Secret", "other", "a", false},
		{"Secret", "shop", "b", false},
		{"Service", "shop", "c", false},
		{"ConfigMap", "shop", "d", true},
		{"ConfigMap", "shop", "a", false},
	} {
		if _, ok := o.find(c.kind, c.namespace, c.name); ok != c.want {
			t.Errorf("%+v: %v", c, ok)
		}
	}
}

// TestDeclared: a field is named with its line, or that of the nearest field above it that exists.
func TestDeclared(t *testing.T) {
	f, err := manifest.Parse("in.yaml", []byte(`apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers:
  - name: p
    image: p
    ports:
    - name: web
      containerPort: 80
  hostname: x
  tolerations:
  - &first {key: a}
  - *first
`), "")
	if err != nil {
		t.Fatal(err)
	}
	r := &source{pod: f.Pods[0]}
	for want, field := range map[string][]any{
		"in.yaml:10": {"containers", 0, "ports", 0, "containerPort"}, "in.yaml:9": {"containers", 0, "ports", 1, "containerPort"},
		"in.yaml:6": {"containers", 1}, "in.yaml:11": {"hostname", 0}, "in.yaml:7": {"containers", 0, "image", "x"},
		"in.yaml:13": {"tolerations", 1, "key"},
	} {
		if got := r.declared(field); got != want {
			t.Errorf("%v: %s, want %s", field, got, want)
		}
	}
}
