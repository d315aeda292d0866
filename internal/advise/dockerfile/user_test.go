package dockerfile_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/podseal/podseal/internal/advise/dockerfile"
)

// result returns the rules of the findings about a Dockerfile, and then the new USER, "fine", or why there is none.
func result(t *testing.T, text string, context fstest.MapFS) string {
	t.Helper()
	r, err := dockerfile.Check([]byte(text), dockerfile.Options{Base: base, Context: context})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	out := ""
	for _, f := range r.Findings {
		out += f.Rule + ": "
	}
	switch {
	case r.Fine:
		return out + "fine"
	case r.Refused != "":
		return out + r.Refused
	}
	return out + r.NewUser
}

type userCase struct{ rule, dockerfile, want string }

// judge compares the results of Dockerfiles. A wanted text that is no whole result is a part of one.
func judge(t *testing.T, context fstest.MapFS, tests []userCase) {
	t.Helper()
	for _, tt := range tests {
		got := result(t, tt.dockerfile, context)
		if got != tt.want && (!strings.HasPrefix(tt.want, "...") || !strings.Contains(got, tt.want[3:])) {
			t.Errorf("%s:\n%s\n got %q\nwant %q", tt.rule, tt.dockerfile, got, tt.want)
		}
	}
}

const (
	unknown = "...nothing in the Dockerfile makes that user"
	opaque  = "...whose content is not at hand"
)

// A number that a tool gives a user becomes the USER.
func TestUsersOfTools(t *testing.T) {
	judge(t, nil, []userCase{
		{"usermod keeps the group of the base image's account", "FROM debian\nRUN usermod -u 990 www-data\nUSER www-data\n", "named-user: 990:33"},
		{"usermod without a number that is known", "FROM debian\nRUN usermod -u $ID app\nUSER app\n", unknown},
		{"groupmod without a number that is known", "FROM debian\nRUN groupadd g && groupmod -g $ID g && useradd -g g app\nUSER app\n", "...takes the number of g from a variable"},
		{"group 0 has a number", "FROM debian\nRUN groupadd -o -g 0 adm && useradd -g adm svc\nUSER svc\n", "named-user: 10001:0"},
		{"userdel removes a user and no group", "FROM debian\nRUN groupadd -g 7 g && useradd -u 5 svc && userdel -r svc && useradd -u 6 -g g svc\nUSER svc\n", "named-user: 6:7"},
		{"userdel removes one user", "FROM debian\nRUN useradd -u 5 svc && useradd -u 6 old && userdel old\nUSER svc\n", "named-user: 5"},
		{"deluser of a group keeps the user", "FROM debian\nRUN useradd -u 5 svc && deluser svc staff\nUSER svc\n", "named-user: 5"},
		{"userdel alone", "FROM debian\nRUN userdel\nUSER www-data\n", "named-user: 33:33"},
		{"the exec form makes a user too", "FROM debian\nRUN [\"useradd\", \"svc\"]\nUSER svc\n", "...cannot be changed safely"},
		{"the exec form on an image without tools", "FROM distroless\nRUN [\"useradd\", \"svc\"]\nUSER svc\n", "...named-user: line 2 makes svc"},
		{"the name of the tool elsewhere in the line", "FROM debian\nRUN echo useradd x; useradd svc\nUSER svc\n", "...cannot be changed safely"},
		{"the tool in the next instruction", "FROM debian\nRUN useradd svc\nRUN useradd -u 6 b\nUSER svc\n", "named-user: 10001"},
		{"nobody is not for applications", "FROM debian\nRUN useradd -u 65534 no\n", "root: 10001:10001"},
		{"an account without a number that may own a folder", "FROM debian\nRUN useradd svc && useradd -u 7 b && mkdir /d && chown ghost /d\nVOLUME /d\n", "root: 7"},
		{"root by another name", "FROM debian\nRUN useradd -o -u 0 toor && useradd -u 7 b && mkdir /d && chown root /d\nVOLUME /d\n", "root: 7"},
		{"inner shell with options", "FROM debian\nRUN bash --norc -c 'useradd -u 5 svc'\nUSER svc\n", "named-user: 5"},
		{"inner shell without a script", "FROM debian\nRUN useradd -u 5 svc; sh -c\nUSER svc\n", "named-user: 5"},
		{"an assignment is no command", "FROM debian\nRUN A=1; useradd -u 5 svc\nUSER svc\n", "named-user: 5"},
		{"a group that is a number", "FROM named\nUSER app:7\n", "named-user: 1654:7"},
		{"group root", "FROM named\nUSER app:root\n", "named-user: 1654:0"},
		{"a group that is not known", "FROM named\nUSER app:ghost\n", "named-user: 1654"},
	})
}

// The accounts of an image are those of the /etc/passwd and /etc/group that are written last.
func TestUsersOfFiles(t *testing.T) {
	context := fstest.MapFS{
		"passwd": {Data: []byte("svc:x:5:0::/:/bin/sh\n")}, "group": {Data: []byte("other:x:9:\n")}, "etc/passwd": {Data: []byte("svc:x:5:0::/:\n")},
	}
	two := "echo 'app:x:5:50::/:' %s /tmp/p && echo 'svc:x:6:60::/:' %s /tmp/p && cp /tmp/p /etc/passwd\n"
	lines := func(first, second string) string {
		return "FROM debian\nRUN " + strings.Replace(strings.Replace(two, "%s", first, 1), "%s", second, 1)
	}
	judge(t, context, []userCase{
		{"a file of the context", "FROM debian\nCOPY passwd /etc/passwd\nUSER svc\n", "named-user: 5:0"},
		{"into the folder", "FROM debian\nCOPY passwd /etc\nUSER svc\n", "named-user: 5:0"},
		{"from a folder into the root folder", "FROM debian\nCOPY etc/passwd /\nUSER www-data\n", "named-user: 33:33"},
		{"it replaces the base image's users", "FROM debian\nCOPY passwd /etc/passwd\nUSER www-data\n", unknown},
		{"groups replace no users", "FROM named\nCOPY group /etc/group\nUSER app\n", "named-user: 1654:1655"},
		{"a file that the context does not have", "FROM debian\nCOPY other/passwd /etc/passwd\nUSER svc\n", opaque},
		{"a folder of the context", "FROM debian\nCOPY etc /etc/passwd\nUSER svc\n", opaque},
		{"groups that the context does not have", "FROM named\nCOPY other/group /etc/group\nUSER ghost\n", unknown},
		{"a here-document replaces it", "FROM debian\nRUN useradd -u 5 svc\nCOPY <<E /etc/passwd\nx:x:7:7::/:\nE\nUSER svc\n", unknown},
		{"> replaces it", "FROM debian\nRUN useradd -u 5 a && echo 'b:x:6:6::/:' > /etc/passwd\nUSER a\n", unknown},
		{">> keeps it", "FROM debian\nRUN useradd -u 5 a && echo 'b:x:6:6::/:' >> /etc/passwd\nUSER a\n", "named-user: 5"},
		{"tee replaces it", "FROM debian\nRUN echo 'b:x:6:6::/:' | tee /etc/passwd\nUSER www-data\n", unknown},
		{"tee -a keeps it", "FROM debian\nRUN echo 'b:x:6:6::/:' | tee -a /etc/passwd\nUSER www-data\n", "named-user: 33:33"},
		{"tee --append keeps it", "FROM debian\nRUN echo 'b:x:6:6::/:' | tee --append /etc/passwd\nUSER www-data\n", "named-user: 33:33"},
		{"a reader of a pipe writes nothing", "FROM debian\nRUN echo 'b:x:6:6::/:' | grep b /etc/passwd\nUSER www-data\n", "named-user: 33:33"},
		{"tee without a pipe", "FROM debian\nRUN tee /etc/passwd\nUSER www-data\n", "named-user: 33:33"},
		{"a file that is written twice has the last text", lines(">", ">") + "USER app\n", unknown},
		{"a file that is appended to has both texts", lines(">", ">>") + "USER app\n", "named-user: 5:50"},
		{"what is appended to a text that is not known", "FROM debian\nRUN curl x > /tmp/p; echo 'svc:x:6:6::/:' >> /tmp/p; cp /tmp/p /etc/passwd\nUSER svc\n", opaque},
		{"cp of a file of the context", "FROM debian\nCOPY passwd /tmp/p\nRUN cp /tmp/p /etc/passwd\nUSER svc\n", opaque},
		{"cp of groups", "FROM named\nRUN echo 'g:x:7:' > /tmp/group && cp /tmp/group /etc/ && usermod -g g app\nUSER app\n", "named-user: 1654:7"},
		{"cat of a known file", "FROM debian\nRUN echo 'svc:x:6:6::/:' > /tmp/p; cat /tmp/p > /etc/passwd\nUSER svc\n", "named-user: 6:6"},
		{"cat of two files", "FROM debian\nRUN echo 'svc:x:6:6::/:' > /tmp/p; cat /tmp/p /tmp/q > /etc/passwd\nUSER svc\n", opaque},
		{"cat of a file that is not known", "FROM debian\nRUN curl x > /tmp/p; cat /tmp/p > /etc/passwd\nUSER svc\n", opaque},
		{"cat of a file of the context", "FROM debian\nCOPY passwd /tmp/p\nRUN cat /tmp/p > /etc/passwd\nUSER svc\n", opaque},
		{"cat of no file that is known", "FROM debian\nRUN cat /tmp/p > /etc/passwd\nUSER svc\n", opaque},
	})
}

// An account of the base image that the Dockerfile gives folders to is the one that the application runs as.
func TestUsersThatOwnFolders(t *testing.T) {
	judge(t, nil, []userCase{
		{"RUN chown", "FROM debian\nRUN mkdir /srv/x && chown -R www-data:www-data /srv/x\n", "root: 33:33"},
		{"the group of the folder is not that of the user", "FROM debian\nRUN mkdir /srv/x && chown www-data:root /srv/x\n", "root: 33:33"},
		{"by its number", "FROM debian\nRUN mkdir /srv/x && chown 33 /srv/x\n", "root: 33:33"},
		{"of a folder that the base image has", "FROM debian\nRUN chown -R www-data /var/www\n", "root: 33:33"},
		{"install -d", "FROM debian\nRUN install -d -o www-data /srv/x\n", "root: 33:33"},
		{"COPY --chown", "FROM debian\nCOPY --chown=www-data:www-data . /srv/x\n", "...33:33"},
		{"in the parent stage", "FROM debian AS a\nRUN chown www-data /srv\nFROM a\n", "root: 33:33"},
		{"in a stage that is copied from", "FROM debian AS a\nRUN chown www-data /srv\nFROM debian\nCOPY --from=a /srv /srv\n", "root: 10001:10001"},
		{"a VOLUME", "FROM debian\nRUN mkdir /srv/x && chown www-data /srv/x && chown 7 /opt\nVOLUME /srv/x\n", "root: 33:33"},
		{"another than the preferred one", "FROM distroless\nCOPY --chown=977:977 a /srv/a\n", "root: 977:977"},
		{"nobody", "FROM alpine\nRUN chown nobody:nobody /srv\n", "root: 65534:65534"},
		{"a number without an account", "FROM debian\nRUN chown -R 1001:0 /srv\n", "root: 1001:0"},
		{"numbers with several groups", "FROM debian\nRUN chown 1001:0 /srv && chown 1001:5 /opt\n", "root: 1001"},
		{"two owners", "FROM debian\nRUN chown www-data /srv && chown 7 /opt\n", "root: 10001:10001"},
		{"an owner that is not known", "FROM debian\nRUN chown www-data /srv && chown ghost /opt\n", "root: 10001:10001"},
		{"taken back", "FROM debian\nRUN chown www-data /srv\nRUN chown root /srv\n", "root: 10001:10001"},
		{"a group alone", "FROM debian\nRUN chgrp www-data /srv\n", "root: 10001:10001"},
		{"an account in place of one that is made for something else", "FROM debian\nRUN useradd -u 7 tool && chown www-data /srv\n", "root: 33:33"},
		{"a made one, and not the last", "FROM debian\nRUN useradd -u 7 svc && useradd -u 8 tool && chown svc /srv\n", "root: 7"},
		{"a made one in place of a number", "FROM debian\nRUN useradd -u 7 svc && chown 9 /srv\n", "root: 7"},
		{"an account whose group is not known", "FROM debian\nRUN groupmod -g $ID www-data && chown www-data /srv\n", "root: 33"},
	})
}

// Accounts come with the files that a COPY takes from another stage.
func TestUsersOfStages(t *testing.T) {
	from := func(run, copies string) string {
		return "FROM debian AS a\nRUN " + run + "\nFROM scratch\nCOPY --from=" + copies + "\n"
	}
	line := "echo 'svc:x:6:6::/:' > "
	judge(t, nil, []userCase{
		{"the base image's accounts of the stage", from("true", "a /etc/passwd /etc/passwd") + "USER www-data\n", "named-user: 33:33"},
		{"users that follow a whole file", from(line+"/etc/passwd && useradd -u 1700 b", "a /etc/passwd /etc/passwd") + "USER b\n", "named-user: 1700"},
		{"by the number of the stage", from("useradd -u 1700 b", "0 /etc/passwd /etc/passwd") + "USER b\n", "named-user: 1700"},
		{"of a file with another name", from(line+"/min", "a /min /etc/passwd") + "USER svc\n", "named-user: 6:6"},
		{"of a file that is not known", from("curl x > /min", "a /min /etc/passwd") + "USER svc\n", opaque},
		{"of a file that nothing writes", from("true", "a /min /etc/passwd") + "USER svc\n", opaque},
		{"of another image", from("useradd -u 5 svc", "registry.example.com/img /etc/passwd /etc/passwd") + "USER svc\n", opaque},
		{"of a stage that does not exist", from("useradd -u 5 svc", "-1 /etc/passwd /etc/passwd") + "USER svc\n", opaque},
		{"groups have no users", "FROM alpine AS a\nRUN true\nFROM named\nCOPY --from=a /etc/group /etc/group\nUSER app\n", "named-user: 1654:1655"},
		{"groups of another image", "FROM named\nCOPY --from=registry.example.com/img /etc/group /etc/group\nUSER ghost\n", unknown},
		{"/etc as a whole", from("useradd -u 1700 b", "a /etc /etc") + "USER b\n", "named-user: 1700"},
		{"/etc as a whole, of another image", from("true", "registry.example.com/img /etc /etc") + "USER b\n", opaque},
		{"/etc as a whole has no package manager", from("true", "a /etc /etc") + "USER b\n", "missing-user: 10001:10001"},
		{"the root folder has one", from("true", "a / /") + "USER b\n", "...named-user: "},
		{"another folder into /etc", from("useradd -u 1700 b", "a /app /etc") + "USER b\n", "missing-user: 10001:10001"},
		{"another folder into the root folder", from("useradd -u 1700 b", "a /app /") + "USER b\n", "missing-user: 10001:10001"},
		{"the root folder into another one", from("useradd -u 1700 b", "a / /mnt") + "USER b\n", "missing-user: 10001:10001"},
		{"/etc into another folder", from("useradd -u 1700 b", "a /etc /mnt") + "USER b\n", "missing-user: 10001:10001"},
		{"an archive of a whole image", "FROM scratch\nADD rootfs.tar.gz /\nUSER b\n", "...named-user: "},
		{"ADD of an archive before other work", "FROM scratch\nADD rootfs.tar.gz /\nADD app /\nUSER b\n", "...named-user: "},
		{"COPY does not unpack", "FROM scratch\nCOPY rootfs.tar.gz /\nUSER b\n", "missing-user: 10001:10001"},
		{"an archive for a folder", "FROM scratch\nADD rootfs.tar.gz /srv/\nUSER b\n", "missing-user: 10001:10001"},
		{"no archive", "FROM scratch\nADD app /\nUSER b\n", "missing-user: 10001:10001"},
		{"ADD does not unpack what it fetches", "FROM scratch\nADD https://example.com/rootfs.tar.gz /\nUSER b\n", "missing-user: 10001:10001"},
	})
}

// An entrypoint that becomes another user counts where it starts as root.
func TestUsersOfEntrypoints(t *testing.T) {
	context := fstest.MapFS{"e.sh": {Data: []byte("#!/bin/sh\nexec gosu svc serve\n")}}
	svc := "FROM debian\nRUN useradd -u 5 svc && useradd -u 9 last\n"
	judge(t, context, []userCase{
		{"CMD before ENTRYPOINT", svc + "CMD [\"gosu\", \"svc\", \"serve\"]\nENTRYPOINT [\"tini\", \"--\"]\n", "...root-drops: "},
		{"ENTRYPOINT drops the CMD of the stage before", "FROM debian AS a\nCMD [\"gosu\", \"svc\", \"serve\"]\nFROM a\nENTRYPOINT [\"tini\", \"--\"]\n", "root: 10001:10001"},
		{"gosu root stays root", svc + "ENTRYPOINT [\"gosu\", \"root\", \"serve\"]\n", "root: 9"},
		{"the entrypoint of the base image gets options", "FROM service\nCMD [\"--verbose\"]\n", "root-drops: 999:998"},
		{"the entrypoint of the base image gets its program", "FROM service\nCMD [\"service-cli\"]\n", "root-drops: 999:998"},
		{"an entrypoint in place of the base image's", "FROM service\nENTRYPOINT [\"/x\"]\n", "root: 999:998"},
		{"a script that is copied by cp into a folder", svc + "COPY e.sh /tmp/e.sh\nRUN cp /tmp/e.sh /opt/\nENTRYPOINT [\"/opt/e.sh\"]\n", "...root-drops: "},
		{"a script that is copied by cp into a folder that exists", svc + "COPY e.sh /tmp/e.sh\nRUN mkdir /opt && cp /tmp/e.sh /opt\nENTRYPOINT [\"/opt/e.sh\"]\n", "...root-drops: "},
		{"a here-document in a folder", svc + "COPY <<e.sh /opt/\n#!/bin/sh\nexec gosu svc serve\ne.sh\nENTRYPOINT [\"/opt/e.sh\"]\n", "...root-drops: "},
		{"a script of many for a folder", "FROM debian AS a\nRUN printf '#!/bin/sh\\nexec gosu svc serve\\n' > /e.sh\n" + svc + "COPY --from=a /e.sh /f.sh /opt\nENTRYPOINT [\"/opt/e.sh\"]\n", "...root-drops: "},
		{"a shell of Linux", "FROM debian\nSHELL [\"/bin/bash\", \"-c\"]\nUSER 5\n", "fine"},
	})
}

// The images that stages begin with are listed once, without stages and scratch.
func TestBases(t *testing.T) {
	text := "FROM debian:13 AS a\nFROM a\nFROM scratch\nFROM debian:13\nFROM $NONE\nFROM alpine:3\n"
	r, err := dockerfile.Check([]byte(text), dockerfile.Options{Base: base})
	if got := strings.Join(r.Bases, " "); err != nil || got != "debian:13 alpine:3" {
		t.Errorf("%s (%v)", got, err)
	}
}
