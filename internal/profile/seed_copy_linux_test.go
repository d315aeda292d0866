package profile

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// shipped is the folder that the tests seed from: files, folders, links, odd modes, old times.
var shipped = []struct {
	name, text, link, same string // link: symbolic; same: another name of that file
	mode                   fs.FileMode
}{
	{name: "app.conf", text: "schema=1", mode: 0o640},
	{name: ".hidden", text: "h", mode: 0o444},
	{name: "bin/run", text: "#!/bin/sh", mode: 0o755},
	{name: "bin/run2", same: "bin/run"},
	{name: "bin/latest", link: "run"},
	{name: "dangling", link: "/nowhere"},
	{name: "sticky/f", text: "s", mode: 0o600},
	{name: "sticky", mode: fs.ModeDir | fs.ModeSticky | 0o777},
	{name: "group", mode: fs.ModeDir | fs.ModeSetgid | 0o775},
	{name: "locked/f", text: "l", mode: 0o444},
	{name: "locked", mode: fs.ModeDir | 0o555},
	{name: "it's $HOME; a `b` \\c/f", text: "odd", mode: 0o644},
	{name: ".", mode: fs.ModeDir | 0o775},
}

var shippedAt = time.Date(2021, 3, 4, 5, 6, 7, 123456000, time.UTC)

// ship makes the folder, of root's where the tests run as root, and returns whether its file system keeps xattrs.
func ship(t *testing.T, dir string) bool {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range shipped {
		at := filepath.Join(dir, f.name)
		must(os.MkdirAll(filepath.Dir(at), 0o755))
		switch {
		case f.link != "":
			must(os.Symlink(f.link, at))
		case f.same != "":
			must(os.Link(filepath.Join(dir, f.same), at))
		case f.mode.IsDir():
			must(os.MkdirAll(at, 0o755))
			must(os.Chmod(at, f.mode))
		default:
			must(os.WriteFile(at, []byte(f.text), 0o600))
			must(os.Chmod(at, f.mode))
		}
	}
	xattrs := unix.Setxattr(filepath.Join(dir, "bin/run"), "user.podseal", []byte("x"), 0) == nil
	times := []unix.Timespec{unix.NsecToTimespec(shippedAt.UnixNano()), unix.NsecToTimespec(shippedAt.UnixNano())}
	must(filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		return errors.Join(err, unix.UtimesNanoAt(unix.AT_FDCWD, p, times, unix.AT_SYMLINK_NOFOLLOW))
	}))
	return xattrs
}

// describe returns one line for each name below a folder: type and mode, time, links to the file, content, xattr.
func describe(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, p)
		text := ""
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			text, err = os.Readlink(p)
		case info.Mode().IsRegular():
			var b []byte
			b, err = os.ReadFile(p)
			text = fmt.Sprintf("%d links %s", info.Sys().(*syscall.Stat_t).Nlink, b)
		}
		value := make([]byte, 16)
		if n, e := unix.Lgetxattr(p, "user.podseal", value); e == nil {
			text += " xattr " + string(value[:n])
		}
		out[name] = fmt.Sprintf("%s %s %s", info.Mode(), info.ModTime().UTC().Format(time.RFC3339Nano), text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// toolbox is a set of programs that an image may have.
type toolbox struct {
	name string
	// multi is the program that stands for all of them, under their names; empty for those of this machine.
	multi string
	names []string
	// lost rewrites a line of describe to what its cp leaves of it, for a user who is not root.
	lost func(line string) string
}

var toolboxes = []toolbox{
	{name: "GNU", lost: func(line string) string { return line }},
	{name: "busybox", multi: "busybox", names: []string{"sh", "rm", "mkdir", "cp", "chmod", "mv"}, lost: func(line string) string {
		line = strings.ReplaceAll(strings.ReplaceAll(line, ".123456Z", "Z"), " xattr x", "")
		if strings.HasPrefix(line, "L") {
			return strings.ReplaceAll(line, "2021-03-04T05:06:07Z", "any time")
		}
		return strings.Replace(line, "dgrwxrwxr-x", "drwxrwxr-x", 1) // the folder's group is not the user's
	}},
	{name: "toybox", multi: "toybox", names: []string{"rm", "mkdir", "cp", "chmod", "mv"}, lost: func(line string) string {
		return strings.ReplaceAll(strings.ReplaceAll(line, " xattr x", ""), "2 links", "1 links")
	}},
}

// path returns the value of PATH that leads to the toolbox, or skips the test.
func (b toolbox) path(t *testing.T) string {
	t.Helper()
	if b.multi == "" {
		return os.Getenv("PATH")
	}
	program, err := exec.LookPath(b.multi)
	switch {
	case err != nil && b.multi == "busybox" && os.Getenv("CI") == "true":
		t.Fatal("busybox is missing: scripts/tools.sh installs it")
	case err != nil:
		t.Skip(b.multi + " is not installed")
	}
	bin := folder(t, 0o755)
	for _, name := range b.names {
		if err := os.Symlink(program, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	return bin + ":" + os.Getenv("PATH")
}

// unprivileged returns the command to be run with no capabilities, and not as root unless asRoot.
func unprivileged(t *testing.T, env string, asRoot bool, argv []string) *exec.Cmd {
	t.Helper()
	if os.Geteuid() == 0 {
		drop := []string{"setpriv", "--bounding-set=-all", "--inh-caps=-all"}
		if !asRoot {
			drop = append(drop, "--reuid=12345", "--regid=12345", "--clear-groups")
		}
		argv = append(append(drop, "--"), argv...)
	}
	cmd := exec.Command(argv[0], argv[1:]...) //nolint:gosec // the command under test
	cmd.Env = append(os.Environ(), "PATH="+env)
	return cmd
}

// TestSeedKeepsAllThatAUserCanKeep seeds a folder of root's as another user, and compares the copy with it: times of files
// and folders, modes, links, hard links, xattrs. As root without capabilities nothing may fail either.
func TestSeedKeepsAllThatAUserCanKeep(t *testing.T) {
	for _, box := range toolboxes {
		for _, asRoot := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/root=%t", box.name, asRoot), func(t *testing.T) {
				if asRoot && os.Geteuid() != 0 {
					t.Skip("the test does not run as root")
				}
				if asRoot && box.name == "toybox" {
					t.Skip("toybox's cp fails as root where it may not change owners")
				}
				path, source, volume := box.path(t), folder(t, 0o755), folder(t, 0o777)
				if !ship(t, source) {
					t.Log("this file system keeps no xattrs")
				}
				if os.Geteuid() == 0 {
					if err := os.Lchown(filepath.Join(source, "app.conf"), 4321, 12345); err != nil { // readable by the group
						t.Fatal(err)
					}
				}
				if asRoot { // root without CAP_DAC_OVERRIDE reads what anyone may read
					_ = os.Chmod(filepath.Join(source, "app.conf"), 0o644)
				} else if os.Geteuid() == 0 {
					_ = os.Lchown(filepath.Join(source, "sticky/f"), 12345, 12345)
				}
				want := describe(t, source)
				out, err := unprivileged(t, path, asRoot, Mount{Path: source, Kind: Seeded}.SeedCommand(volume)).CombinedOutput()
				if err != nil || len(out) > 0 {
					t.Fatalf("%v: %s", err, out)
				}
				compare(t, box, asRoot, want, describe(t, filepath.Join(volume, SeedSubPath)))
			})
		}
	}
}

func compare(t *testing.T, box toolbox, asRoot bool, want, got map[string]string) {
	t.Helper()
	for name, line := range want {
		line = box.lost(line)
		copied := got[name]
		if strings.Contains(line, "any time") {
			fields := strings.Fields(copied)
			copied = strings.Replace(copied, fields[1], "any time", 1)
		}
		if asRoot { // keeps the group, and with it the bit
			line, copied = strings.Replace(line, "dgrwx", "drwx", 1), strings.Replace(copied, "dgrwx", "drwx", 1)
		}
		if copied != line {
			t.Errorf("%s:\n got %s\nwant %s", name, copied, line)
		}
	}
	if len(got) != len(want) {
		t.Errorf("copied %v of %v", maps.Keys(got), maps.Keys(want))
	}
}

// folder returns an empty folder with a mode, below folders that everyone may enter.
func folder(t *testing.T, mode fs.FileMode) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "seed")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = exec.Command("sh", "-c", "chmod -R u+rwx "+dir+"; rm -rf "+dir).Run() }) //nolint:gosec // our own
	if err := os.Chmod(dir, mode); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestSeedVariants checks the mode of the mount's own folder, and the copies of read-only files.
func TestSeedVariants(t *testing.T) {
	for _, box := range toolboxes {
		for _, tt := range []struct {
			mount Mount
			image fs.FileMode // of the folder
			want  map[string]string
		}{
			{Mount{}, 0o775, map[string]string{".": "drwxrwxr-x", "locked": "dr-xr-xr-x", "locked/f": "-r--r--r--"}},
			{Mount{}, 0o555, map[string]string{".": "drwxr-xr-x"}}, // else the application could not write in it
			{Mount{Private: true}, 0o770, map[string]string{".": "drwx------", "locked": "dr-xr-xr-x"}},
			{Mount{Rewritable: true}, 0o755, map[string]string{".": "drwxr-xr-x", "locked": "drwxr-xr-x", "locked/f": "-rw-r--r--", "bin/run": "-rwxr-xr-x"}},
			{Mount{Partial: true, Rewritable: true}, 0o755, map[string]string{".": "drwxr-xr-x", "locked/f": "-rw-r--r--"}},
		} {
			t.Run(fmt.Sprintf("%s/%o/%+v", box.name, tt.image, tt.mount), func(t *testing.T) {
				path, source, volume := box.path(t), folder(t, 0o755), folder(t, 0o777)
				ship(t, source)
				if os.Geteuid() == 0 {
					_ = os.Lchown(source, 0, 12345)
					_ = os.Lchown(filepath.Join(source, "app.conf"), 0, 12345)
					_ = os.Lchown(filepath.Join(source, "sticky/f"), 12345, 12345)
				}
				if err := os.Chmod(source, tt.image); err != nil {
					t.Fatal(err)
				}
				tt.mount.Path, tt.mount.Kind = source, Seeded
				if out, err := unprivileged(t, path, false, tt.mount.SeedCommand(volume)).CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				got := describe(t, filepath.Join(volume, SeedSubPath))
				for name, mode := range tt.want {
					line := got[name]
					if !strings.HasPrefix(line, mode+" ") {
						t.Errorf("%s: got %s, want %s", name, line, mode)
					}
					if !strings.Contains(line, "2021-03-04T05:06:07") {
						t.Errorf("%s lost its time: %s", name, line)
					}
				}
			})
		}
	}
}

// TestSeedRestarts repeats a seed that was cut short after a read-only folder was complete, which rm cannot empty; then
// repeats a seed that is complete, which keeps what the application changed.
func TestSeedRestarts(t *testing.T) {
	for _, box := range toolboxes {
		t.Run(box.name, func(t *testing.T) {
			path, source, volume := box.path(t), folder(t, 0o755), folder(t, 0o777)
			if err := os.WriteFile(filepath.Join(source, "f"), []byte("shipped"), 0o644); err != nil {
				t.Fatal(err)
			}
			run := func(argv ...string) {
				t.Helper()
				if out, err := unprivileged(t, path, false, argv).CombinedOutput(); err != nil {
					t.Fatalf("%v: %v: %s", argv, err, out)
				}
			}
			half := filepath.Join(volume, ".t")
			run("sh", "-c", "mkdir -p "+half+"/locked && echo x >"+half+"/locked/f && chmod 555 "+half+"/locked")
			seed := Mount{Path: source, Kind: Seeded}.SeedCommand(volume)
			run(seed...)
			copied := filepath.Join(volume, SeedSubPath)
			if got := describe(t, copied); len(got) != 2 {
				t.Errorf("kept more than the seed: %v", got)
			}
			run("sh", "-c", "echo changed >"+copied+"/f")
			run(seed...)
			if got, _ := os.ReadFile(filepath.Join(copied, "f")); string(got) != "changed\n" {
				t.Errorf("the second run left %q", got)
			}
		})
	}
}

// TestSeedFailsWhereTheUserMayNotRead checks that the error names the file, without noise, and that a partial seed
// copies the rest.
func TestSeedFailsWhereTheUserMayNotRead(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs files of another user")
	}
	for _, box := range toolboxes {
		t.Run(box.name, func(t *testing.T) {
			path, source := box.path(t), folder(t, 0o755)
			ship(t, source) // sticky/f is root's alone, and app.conf is not for others
			for _, partial := range []bool{false, true} {
				volume := folder(t, 0o777)
				m := Mount{Path: source, Kind: Seeded, Partial: partial}
				out, err := unprivileged(t, path, false, m.SeedCommand(volume)).CombinedOutput()
				said := SeedMessages(string(out))
				if !partial && (err == nil || !strings.Contains(said, "app.conf") || strings.Contains(said, "ownership")) || partial && (err != nil || len(out) > 0) {
					t.Errorf("partial %t: %v: %s", partial, err, out)
				}
				_, err = os.Stat(filepath.Join(volume, SeedSubPath, "bin", "run"))
				if (err == nil) != partial {
					t.Errorf("partial %t: the copy: %v", partial, err)
				}
			}
		})
	}
}

// TestPartialSeedIsNotCompleteWhereCpWasKilled makes sure that silence is no permission.
func TestPartialSeedIsNotCompleteWhereCpWasKilled(t *testing.T) {
	for name, body := range map[string]string{"killed": "kill -9 $$", "silent": "exit 1"} {
		source, volume, bin := t.TempDir(), t.TempDir(), t.TempDir()
		if err := os.WriteFile(filepath.Join(bin, "cp"), []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil { //nolint:gosec // it is a program
			t.Fatal(err)
		}
		argv := Mount{Path: source, Kind: Seeded, Partial: true}.SeedCommand(volume)
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
		if out, err := cmd.CombinedOutput(); err == nil {
			t.Errorf("%s: succeeded: %s", name, out)
		}
		if _, err := os.Stat(filepath.Join(volume, SeedSubPath)); err == nil {
			t.Errorf("%s: the folder looks complete", name)
		}
	}
}
