package yamledit

import "testing"

type sample struct {
	Name  string            `json:"name"`
	Ports []int             `json:"ports"`
	Live  *bool             `json:"live"`
	Items []sample          `json:"items"`
	Map   map[string]string `json:"map"`
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
	} {
		docs := Split([]byte(source))
		d, err := Parse("in.yaml", 0, docs[0])
		if err != nil {
			t.Fatal(err)
		}
		var into sample
		if err := d.Decode(d.Root, &into); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", source, err, want)
		}
	}
}
