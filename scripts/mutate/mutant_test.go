package main

import (
	"strings"
	"testing"
)

func TestMutants(t *testing.T) {
	const source = `package p

func f(a []int, ok bool) (bool, string) {
	if len(a) > 0 && !ok || a[0] == len(a)-1 {
		return true, "a" + "b"
	}
	if err != nil {
		return true, err
	}
	if a == nil {
		return true, r.fail("no list")
	}
	return a[0] <= 1, "x==y"
}
`
	all, err := mutants("f.go", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range all {
		changed := string(m.apply([]byte(source)))
		if changed == source {
			t.Errorf("%s changes nothing", m)
		}
		got = append(got, strings.TrimSpace(strings.Split(changed, "\n")[m.line-1]))
	}
	want := []string{
		"if len(a) > 0 && !ok && a[0] == len(a)-1 {",
		"if len(a) > 0 || !ok || a[0] == len(a)-1 {",
		"if len(a) >= 0 && !ok || a[0] == len(a)-1 {",
		"if len(a) > 0 && ok || a[0] == len(a)-1 {",
		"if len(a) > 0 && !ok || a[0] != len(a)-1 {",
		"if len(a) > 0 && !ok || a[0] == len(a)+1 {",
		`return false, "a" + "b"`,
		"if err == nil {",
		"if a != nil {",
		`return a[0] < 1, "x==y"`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
