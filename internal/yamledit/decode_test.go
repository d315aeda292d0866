package yamledit

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

type sample struct {
	Name  string            `json:"name"`
	Ports []int32           `json:"ports"`
	Live  *bool             `json:"live"`
	Items []sample          `json:"items"`
	Map   map[string]string `json:"map"`
	Size  resource.Quantity `json:"size"`
	Since time.Time         `json:"since"`
	Bytes []byte            `json:"bytes"`
}

func TestTypeErrorNamesTheLine(t *testing.T) {
	for source, want := range map[string]string{
		"name: [a]\n":                                          "in.yaml:1: name is a list, where a string belongs",
		"name: a\nports: 80\n":                                 "in.yaml:2: ports is a number, where a list of numbers belongs",
		"ports:\n- 80\n- x\n":                                  "in.yaml:3: ports is a string, where a number belongs",
		"live: maybe\n":                                        "in.yaml:1: live is a string, where a boolean belongs",
		"items:\n- name: a\n- name:\n    b: c\n":               "in.yaml:4: name is a mapping, where a string belongs",
		"items:\n- map: {a: b, c: d}\n- map:\n    a: 5\n":      "in.yaml:4: map is a number, where a string belongs",
		"items:\n- {ports: [1, 2], name: x}\n- &x {live: 7}\n": "in.yaml:3: live is a number, where a boolean belongs",
		"items: &a\n- name: 7\nmap: {x: y}\n":                  "in.yaml:2: name is a number, where a string belongs",
		"items: {}\n":                                          "in.yaml:1: items is a mapping, where a list of mappings belongs",
		"ports: [9999999999]\n":                                "in.yaml:1: ports is 9999999999, which is out of range or no whole number",
		"ports:\n- 80.5\n":                                     "in.yaml:2: ports is 80.5, which is out of range or no whole number",
		"items:\n- size: 1Gi\n- {name: x,\n   size: lots}\n":   "in.yaml:4: size is not what Kubernetes takes here: quantities must match",
		"since:\n  yesterday\n":                                "in.yaml:2: since is not what Kubernetes takes here: it is not a time like 2006-01-02T15:04:05Z",
		"maybe\n":                                              "in.yaml:1: the value is a string, where a mapping belongs",
		"name: a\nlive: maybe\nports: [1]\n":                   "in.yaml:2: live is a string, where a boolean belongs",
		"name: a\nports: [\n  x]\n":                            "in.yaml:3: ports is a string, where a number belongs",
		"bytes: '%%'\n":                                        "in.yaml:1: bytes is not what Kubernetes takes here: it is not base64",
	} {
		docs := Split([]byte(source))
		d, err := Parse("in.yaml", 0, docs[0])
		if err != nil {
			t.Fatal(err)
		}
		var into sample
		if err := d.Decode(d.Root, &into); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", source, err, want)
		}
	}
}
