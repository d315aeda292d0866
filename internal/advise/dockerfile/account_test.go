package dockerfile

import (
	"fmt"
	"testing"
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
		{"useradd app && usermod --uid 7 app", "useradd app -1;  app 7"},
		{"bash -ec 'useradd -u 5 app'", "useradd app 5"},
		{"apt-get install -y adduser", ""},
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
