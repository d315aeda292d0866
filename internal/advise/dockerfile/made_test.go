package dockerfile

import (
	"fmt"
	"testing"
)

func TestMakes(t *testing.T) {
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
		{"usermod -u 5 app; echo useradd x", ""},
		{"useradd", ""},
	}
	for _, tt := range tests {
		got := ""
		for _, m := range makes(Instruction{Name: "run", Text: tt.run}) {
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
