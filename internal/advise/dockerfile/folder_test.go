package dockerfile

import (
	"fmt"
	"strings"
	"testing"
)

// Commands that make folders or set their owner or mode, with what they set: path, owner, group, mode, and R if recursive.
func TestFolderChanges(t *testing.T) {
	tests := []struct{ run, want string }{
		{"mkdir -p /a b", "/a - - ; /srv/b - - "},
		{"mkdir -m 750 /a", "/a - - 750"},
		{"mkdir -pm750 /a", "/a - - 750"},
		{"mkdir --mode=750 /a", "/a - - 750"},
		{"mkdir /a -m", "/a - - "},
		{"install -d -o app -g 7 -m 2770 /a", "/a 5 7 2770"},
		{"install -do app /a", "/a 5 - "},
		{"install --directory --owner app --group=staff /a", "/a 5 50 "},
		{"install -t /bin -S .old /e", ""},
		{"install -d -t /a /b", "/b - - "},
		{"install -o app /e /bin", ""},
		{"chown app /a", "/a 5 - "},
		{"chown app:7 /a", "/a 5 7 "},
		{"chown :staff /a", "/a - 50 "},
		{"chown app: /a", "/a 5 50 "},
		{"chown ghost: /a", "/a -1 -1 "},
		{"chown -hR app /a", "/a 5 - R"},
		{"chown --recursive app /a", "/a 5 - R"},
		{"chown -o app /a", "/a 5 - "},
		{"chown --from=root app /a", "/a 5 - "},
		{"chown", ""},
		{"chgrp staff /a", "/a - 50 "},
		{"chmod -R g+w /a", "/a - - g+wR"},
		{"chmod -w /a", "/a - - -w"},
		{"chmod g+w -R /a", "/a - - g+wR"},
		{"chmod a+x -x /a", "/a - - a+x"},
		{"chmod -- g+w /a", "/a - - g+w"},
	}
	id := func(n int64) string { return strings.Replace(fmt.Sprint(n), "-2", "-", 1) }
	for _, tt := range tests {
		s := state{dir: "/srv", files: map[string]file{}}
		s.accounts.made = []account{{user: true, name: "app", id: 5, gid: -1, group: "staff"}, {name: "staff", id: 50}}
		s.run(Instruction{Name: "run", Words: []string{tt.run}})
		var got []string
		for _, c := range s.folders {
			text := fmt.Sprintf("%s %s %s %s", c.path, id(c.uid), id(c.gid), c.mode)
			if c.recursive {
				text += "R"
			}
			got = append(got, text)
		}
		if strings.Join(got, "; ") != tt.want {
			t.Errorf("%s:\n got %q\nwant %q", tt.run, strings.Join(got, "; "), tt.want)
		}
	}
}

func TestChangeMode(t *testing.T) {
	tests := []struct {
		mode int64
		arg  string
		want int64
	}{
		{0o755, "700", 0o700},
		{0o755, "g+w", 0o775},
		{0o755, "+w", 0o777},
		{0o755, "a-x", 0o644},
		{0o755, "ug=r,o=", 0o440},
		{0o700, "g=u", 0o770},
		{0o070, "o=g", 0o077},
		{0o007, "u=o", 0o707},
		{0, "u+r", 0o400},
		{0o755, "+t", 0o1755},
		{0o755, "g+s", 0o2755},
		{0o755, "g+q", -1},
		{0o755, "g+q,u+w", -1},
		{0o755, "$MODE", -1},
		{-1, "u+w", -1},
		{-1, "755", 0o755},
	}
	for _, tt := range tests {
		if got := changeMode(tt.mode, tt.arg); got != tt.want {
			t.Errorf("%o %s: %o, want %o", tt.mode, tt.arg, got, tt.want)
		}
	}
}

// A recursive command reaches the folders that exist before it.
func TestFolderAt(t *testing.T) {
	tests := []struct {
		run  string
		want int64 // owner of /a/b
	}{
		{"mkdir -p /a/b && chown -R 5 /a", 5},
		{"mkdir -p /a/b && chown 5 /a", 0},
		{"mkdir -p /a/b && chown -R 5 /c", 0},
		{"chown -R 5 /a && mkdir -p /a/b", 0},
		{"mkdir -p /a/b && chown 5 /a/b && chown :7 /a/b", 5},
	}
	for _, tt := range tests {
		s := state{files: map[string]file{}}
		s.run(Instruction{Name: "run", Words: []string{tt.run}})
		if f := s.folderAt("/a/b"); f.uid != tt.want || !f.exists {
			t.Errorf("%s: %+v, want owner %d", tt.run, f, tt.want)
		}
	}
}

// Whether the Dockerfile decides who writes to /d, and what is said of it, for user 5 of group 7.
func TestOwned(t *testing.T) {
	tests := []struct {
		run   string
		owned bool
		says  string
	}{
		{"mkdir /d", false, ""},
		{"mkdir -m 1777 /d", true, ""},
		{"mkdir -m 775 /d", false, ""},
		{"mkdir /d && chown 5 /d", true, ""},
		{"mkdir /d && chown root:7 /d && chmod g+w /d", true, ""},
		{"mkdir /d && chown root:7 /d", true, "is kept"},
		{"mkdir /d && chown root:7 /d && chmod 755 /d", true, "is kept"},
		{"mkdir /d && chown root:7 /d && chmod $MODE /d", true, "is kept"},
		{"mkdir /d && chown root:8 /d && chmod g+w /d", true, "is kept"},
		{"mkdir /d && chown 9:0 /d && chmod g+w /d", true, "group 0"},
		{"mkdir /d && chown 9:0 /d && chmod 755 /d", true, "is kept"},
		{"mkdir /d && chown 9:0 /d && chmod $MODE /d", true, "is kept"},
		{"mkdir /d && chown 9:0 /d", true, "is kept"},
		{"mkdir /d && chown root /d", false, ""},
		{"mkdir /d && chown root:root /d", false, ""},
	}
	for _, user := range []string{"5:7", "5"} {
		for _, tt := range tests {
			p := patcher{user: user}
			p.state.files = map[string]file{}
			p.state.run(Instruction{Name: "run", Words: []string{tt.run}})
			want := tt
			if strings.HasSuffix(tt.run, "root:7 /d && chmod g+w /d") && user == "5" {
				want.says = "is kept" // the group of user 5 is not known
			}
			owned, says := p.owned("/d"), strings.Join(p.says, "\n")
			if owned != want.owned || !strings.Contains(says, want.says) || want.says == "" && says != "" {
				t.Errorf("%s for %s: %v %q, want %v %q", tt.run, user, owned, says, want.owned, want.says)
			}
		}
	}
	p := patcher{user: "5:0"}
	p.state.files = map[string]file{}
	p.state.run(Instruction{Name: "run", Words: []string{"mkdir /d && chown 9:0 /d && chmod g+w /d"}})
	if !p.owned("/d") || len(p.says) != 1 || !strings.Contains(p.says[0], "lets group 0 write") {
		t.Errorf("group 0 is not a pod's own group: %q", p.says)
	}
}
