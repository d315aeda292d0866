package unified

import "testing"

func region(first int, old, now string) Region {
	return Region{First: first, Old: Lines([]byte(old)), New: Lines([]byte(now))}
}

func TestDiff(t *testing.T) {
	const letters = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\n"
	for name, c := range map[string]struct {
		source  string
		regions []Region
		want    string
	}{
		"nothing":        {letters, nil, ""},
		"the same":       {letters, []Region{region(2, "c\nd\n", "c\nd\n")}, ""},
		"in the middle":  {letters, []Region{region(4, "e\n", "E\n")}, "@@ -2,7 +2,7 @@\n b\n c\n d\n-e\n+E\n f\n g\n h\n"},
		"added in front": {letters, []Region{region(0, "", "0\n")}, "@@ -1,3 +1,4 @@\n+0\n a\n b\n c\n"},
		"removed at end": {letters, []Region{region(10, "k\n", "")}, "@@ -8,4 +8,3 @@\n h\n i\n j\n-k\n"},
		"in one hunk":    {letters, []Region{region(1, "b\n", ""), region(8, "i\n", "I\n")}, "@@ -1,11 +1,10 @@\n a\n-b\n c\n d\n e\n f\n g\n h\n-i\n+I\n j\n k\n"},
		"in two hunks":   {letters, []Region{region(0, "a\n", "A\n0\n"), region(8, "i\n", "I\n")}, "@@ -1,4 +1,5 @@\n-a\n+A\n+0\n b\n c\n d\n@@ -6,6 +7,6 @@\n f\n g\n h\n-i\n+I\n j\n k\n"},
		"trimmed":        {letters, []Region{region(2, "c\nd\ne\n", "c\nD\ne\n")}, "@@ -1,7 +1,7 @@\n a\n b\n c\n-d\n+D\n e\n f\n g\n"},
		"no line end":    {"a\nb", []Region{region(1, "b", "b\nc")}, "@@ -1,2 +1,3 @@\n a\n-b\n\\ No newline at end of file\n+b\n+c\n\\ No newline at end of file\n"},
		"to nothing":     {"a\n", []Region{region(0, "a\n", "")}, "@@ -1 +0,0 @@\n-a\n"},
		"from nothing":   {"", []Region{region(0, "", "a\n")}, "@@ -0,0 +1 @@\n+a\n"},
		"CR LF":          {"a\r\nb\r\n", []Region{region(1, "b\r\n", "c\r\n")}, "@@ -1,2 +1,2 @@\n a\r\n-b\r\n+c\r\n"},
	} {
		if c.want != "" {
			c.want = "--- a/x\n+++ b/x\n" + c.want
		}
		if got := string(Diff("x", Lines([]byte(c.source)), c.regions)); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

// The tools end a name at the first blank, unless a tab follows it.
func TestDiffNameWithBlank(t *testing.T) {
	const want = "--- a/x y\t\n+++ b/x y\t\n@@ -0,0 +1 @@\n+a\n"
	if got := string(Diff("x y", nil, []Region{region(0, "", "a\n")})); got != want {
		t.Errorf("got %q", got)
	}
}
