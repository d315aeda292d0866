package yamledit

import "testing"

// A place shares the content of the last alias on the way to it, also where the way leaves the document behind that alias.
func TestAnchorAt(t *testing.T) {
	d := document(t, "x: &x {k: 1}\nlist: &list [*x, 1]\nalias: *list\n")
	for path, want := range map[string]string{
		".list[1]": "", ".list[0].k": "x", ".alias": "list", ".alias[1]": "list", ".alias[2]": "list", ".alias[0]": "x", ".alias.k": "list", ".none": "",
	} {
		got := ""
		if n := anchorAt(d.Root, path); n != nil {
			got = n.Anchor
		}
		if got != want {
			t.Errorf("%s: anchor %q, want %q", path, got, want)
		}
	}
}
