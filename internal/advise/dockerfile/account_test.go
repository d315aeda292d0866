package dockerfile

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/podseal/podseal/internal/image"
)

func TestAccountsOfRuns(t *testing.T) {
	tests := []struct{ run, want string }{
		{"useradd app", "useradd app -1"},
		{"useradd -rm -d /srv -u 500 app", "useradd app 500"},
		{"useradd --uid=500 --gid 7 app >/dev/null 2>&1", "useradd app 500 7"},
		{"adduser -D -u 500 -G staff app", "adduser app 500 staff"},
		{"adduser --system --group --gid 7 app", "adduser app -1 7"},
		{"adduser -g 'A Name' app", "adduser app -1"}, // busybox: the name of a person
		{"addgroup -g 500 -S app", "addgroup app 500"},
		{"groupadd --gid 500 app && useradd -g app app", "groupadd app 500; useradd app -1 app"},
		{"adduser app wheel", ""},
		{"addgroup app wheel", ""},
		{"usermod -u 5 app; echo useradd x", " app 5"},
		{"useradd", ""},
		{"useradd -u ${ID} \"$NAME\"", "useradd app 500"},
		{"useradd -u ${NONE} app", "useradd app -1"},
		{"adduser -u500 -D app", "adduser app 500"},
		{"useradd app && usermod --uid 7 app", " app 7"},
		{"bash -ec 'useradd -u 5 app'", "useradd app 5"},
		{"apt-get install -y adduser", ""},
		{"useradd -N -u 5 app", "useradd app 5 users"},
		{"useradd -N -g 7 app", "useradd app -1 7"},
		{"adduser -N app", "adduser app -1"},
		{"useradd -gstaff -u=5 app", "useradd app 5 staff"},
		{"useradd -rmg staff app", "useradd app -1 staff"},
		{"useradd app -u", "useradd app -1"},
		{"useradd -g 9 app && usermod -u 7 app", " app 7 9"},
		{"groupadd -g 5 g && groupmod -p x g", "groupadd g 5"},
	}
	for _, tt := range tests {
		s := state{files: map[string]file{}, scope: scope{env: map[string]string{"ID": "500", "NAME": "app"}}}
		s.run(Instruction{Name: "run", Words: []string{tt.run}})
		got := ""
		for _, m := range s.accounts.made {
			if got != "" {
				got += "; "
			}
			got += fmt.Sprint(m.tool, " ", m.name, " ", m.id)
			if m.group != "" {
				got += " " + m.group
			}
		}
		if got != tt.want {
			t.Errorf("%s:\n got %q\nwant %q", tt.run, got, tt.want)
		}
	}
}

func TestNumber(t *testing.T) {
	for text, want := range map[string]int64{"12": 12, "0": 0, "-5": -1, "x": -1, "": -1} {
		if got := number(text); got != want {
			t.Errorf("number(%q) = %d, want %d", text, got, want)
		}
	}
}

// Users and groups without a known number are left out; those of the base image follow in the order of their names.
func TestUsersOfAccounts(t *testing.T) {
	a := accounts{base: map[string]string{"www": "33:34", "bin": "2:3"}, made: []account{
		{user: true, name: "toor", id: 0, gid: 0},
		{user: true, name: "ghost", id: -1},
		{user: true, name: "app", id: 5, gid: -1, group: "staff"},
		{name: "staff", id: 50},
		{name: "none", id: -1},
		{name: "root", id: 0},
	}}
	want := image.Users{
		Accounts: []image.Account{{Name: "app", UID: 5, GID: 50}, {Name: "toor"}, {Name: "bin", UID: 2, GID: 3}, {Name: "www", UID: 33, GID: 34}},
		Groups:   []image.Group{{Name: "root"}, {Name: "staff", GID: 50}},
	}
	if d := cmp.Diff(want, a.users()); d != "" {
		t.Error(d)
	}
}
