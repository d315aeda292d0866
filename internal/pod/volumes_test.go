package pod

import (
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// TestSourceKind: each source of a volume has the name of its field in the API.
func TestSourceKind(t *testing.T) {
	kind := reflect.TypeFor[corev1.VolumeSource]()
	for i := range kind.NumField() {
		name, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
		var s corev1.VolumeSource
		reflect.ValueOf(&s).Elem().Field(i).Set(reflect.New(kind.Field(i).Type.Elem()))
		if got := sourceKind(s); got != name {
			t.Errorf("%s is called %q", name, got)
		}
	}
	if got := sourceKind(corev1.VolumeSource{}); got != "that only a cluster has" {
		t.Errorf("an unknown source is called %q", got)
	}
}

// TestSubscript splits the path of one label or annotation.
func TestSubscript(t *testing.T) {
	for path, want := range map[string]string{
		"metadata.labels['app']": "metadata.labels app", "metadata.labels['a.b/c']": "metadata.labels a.b/c", "metadata.labels": "",
		"metadata.labels['app": "", "['app']": "", "metadata.labels[app]": "",
	} {
		base, key, ok := subscript(path)
		if got := strings.TrimSpace(base + " " + key); got != want || ok != (want != "") {
			t.Errorf("%s: %q (%v), want %q", path, got, ok, want)
		}
	}
}
