package redact_test

import (
	"testing"

	"github.com/podseal/podseal/internal/redact"
)

func TestCommand(t *testing.T) {
	for in, want := range map[string]string{
		"curl -fsS http://x/":                        "curl -fsS http://x/",
		"ldapsearch -x -D cn=a -w S3cret -b dc=x":    "ldapsearch -x -D cn=a -w *** -b dc=x",
		"sh -c 'client -p hunter2 ping'":             "sh -c 'client -p *** ping'",
		"client -phunter2 -e 'select 1'":             "client -p*** -e 'select 1'",
		"client -p'a b' x":                           "client -p*** x",
		"client --password=hunter2 --user=a":         "client --password=*** --user=a",
		"client --password hunter2":                  "client --password ***",
		`client --password "two words" x`:            "client --password *** x",
		"client --admin-password=x --token abc":      "client --admin-password=*** --token ***",
		"PGPASSWORD=hunter2 psql -U a":               "PGPASSWORD=*** psql -U a",
		"env API_TOKEN='x y' run":                    "env API_TOKEN=*** run",
		"curl http://me:hunter2@host/x":              "curl http://me:***@host/x",
		`exec gosu app serve --password "$PASSWORD"`: `exec gosu app serve --password "$PASSWORD"`,
		"export PASSWORD=${PASSWORD:-x}":             "export PASSWORD=${PASSWORD:-x}",
		"mkdir -p /data && docker exec -w /srv c ls": "mkdir -p /data && docker exec -w /srv c ls",
		"cp -pr a b; find . -print; tar -px":         "cp -pr a b; find . -print; tar -px",
		"-p x":                                       "-p ***",
		"a --pass-through x":                         "a --pass-through x",
	} {
		if got := redact.Command(in); got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
}

func FuzzCommand(f *testing.F) {
	f.Add("client -p hunter2 --password=x PGPASSWORD='y'")
	f.Fuzz(func(t *testing.T, line string) {
		once := redact.Command(line)
		if again := redact.Command(once); len(again) > len(once)+3 {
			t.Errorf("%q grows: %q, %q", line, once, again)
		}
	})
}
