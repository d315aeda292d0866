package enginetest

import (
	"fmt"
	"math/rand"
	"reflect"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podseal/podseal/internal/profile"
)

// Application is the archive of a small random application, for testing/quick.
type Application struct{ Archive *txtar.Archive }

// String returns the archive as text.
func (a Application) String() string { return string(txtar.Format(a.Archive)) }

// Generate implements quick.Generator. The size has no effect.
func (Application) Generate(r *rand.Rand, _ int) reflect.Value {
	return reflect.ValueOf(Application{Generate(r, Traits{})})
}

// Traits are what a generated application may have beyond needs of its profile.
type Traits struct {
	Flaky    bool // e2e commands that fail by chance
	Killed   bool // a run that is killed, out of memory, or meets a broken engine
	Racing   bool // writes that race with the stop
	Repeated bool // e2e commands that cannot run twice over the same data
}

// Generate returns the archive of a small random application: directories of the image with content, owners and modes;
// writes, temporary files, renames and checks in the phases of a run, fatal or tolerated; users that are declared or dropped
// to; ports. Undisturbed, its open run passes. Equal sources and traits make equal applications.
func Generate(r *rand.Rand, traits Traits) *txtar.Archive {
	for {
		a := txtar.Parse([]byte(draw(r, traits)))
		if _, c, err := Parse(a); err == nil {
			if o, err := Try(c.Undisturbed(), profile.Unrestricted()); err == nil && o.Covers(o) {
				return a
			}
		}
	}
}

// draw returns an application that may not work.
func draw(r *rand.Rand, traits Traits) string {
	d := drawing{Rand: r, uid: pick(r, 33, 101, 1000)}
	d.drawImage()
	d.drawConfig()
	for _, dir := range d.dirs {
		for range 1 + r.Intn(3) {
			d.operation(dir, traits)
		}
	}
	d.disturb(traits)
	return "-- image --\n" + d.image.String() + "-- config --\n" + d.config.String() + "-- app --\n" + d.app.String() +
		fmt.Sprintf("-- /etc/passwd --\nroot:x:0:0::/root:/bin/sh\napp:x:%d:%d::/home/app:/bin/sh\n", d.uid, d.uid)
}

// drawing is an application that is being made.
type drawing struct {
	*rand.Rand
	uid                int   // of the account app
	root               bool  // the image declares no user
	dirs               []dir // that the application uses
	image, config, app strings.Builder
}

// dir is a directory of the image and its files.
type dir struct {
	path  string
	files []string
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.Intn(len(of))] }

// chance reports whether an event of a probability happens.
func (d *drawing) chance(p float64) bool { return d.Float64() < p }

// drawImage draws one to four directories, with and without content.
func (d *drawing) drawImage() {
	if d.chance(0.85) {
		d.image.WriteString("f 0755 0:0 /bin/sh\n")
	}
	d.image.WriteString("d 1777 0:0 /tmp\n")
	places := []string{"/etc/app", "/home/app", "/opt/app/cache", "/run/app", "/srv/data", "/tmp", "/var/lib/app", "/var/log/app"}
	d.Shuffle(len(places), func(i, j int) { places[i], places[j] = places[j], places[i] })
	for _, p := range places[:1+d.Intn(4)] {
		d.dirs = append(d.dirs, d.drawDir(p))
	}
}

func (d *drawing) drawDir(p string) dir {
	out := dir{path: p}
	if p == "/tmp" || d.chance(0.1) { // a missing directory is one that the application makes
		return out
	}
	owner := pick(d.Rand, 0, d.uid, d.uid)
	fmt.Fprintf(&d.image, "d %s %d:%d %s\n", pick(d.Rand, "0755", "0755", "0775", "0700", "0777"), owner, owner, p)
	for i := range d.Intn(3) {
		f := fmt.Sprintf("%s/shipped-%d", p, i)
		out.files = append(out.files, f)
		fmt.Fprintf(&d.image, "f %s %d:%d %s\n", pick(d.Rand, "0644", "0644", "0640", "0444"), owner, owner, f)
	}
	return out
}

// drawConfig draws the user, the ports and a VOLUME, and what the application does with them first.
func (d *drawing) drawConfig() {
	if d.root = d.chance(0.4); !d.root {
		fmt.Fprintf(&d.config, "user %s\n", pick(d.Rand, "app", fmt.Sprint(d.uid)))
	}
	if d.chance(0.2) {
		fmt.Fprintf(&d.config, "workdir %s\n", d.dirs[0].path)
	}
	if v := pick(d.Rand, d.dirs...); d.chance(0.25) && v.path != "/tmp" {
		fmt.Fprintf(&d.config, "volume %s\n", v.path)
	}
	port := pick(d.Rand, 80, 8080, 8080)
	if d.chance(0.6) {
		fmt.Fprintf(&d.config, "expose %d\n", port)
		fmt.Fprintf(&d.app, "start listen %d\n", port)
	}
	if d.root && d.chance(0.5) {
		fmt.Fprintf(&d.app, "start if-root chown %s %d:%d tolerated\n", d.dirs[0].path, d.uid, d.uid)
	}
	if d.root && d.chance(0.6) {
		fmt.Fprintf(&d.app, "start if-root drop %d:%d\n", d.uid, d.uid)
	}
}

// operation draws an operation on a directory.
func (d *drawing) operation(in dir, traits Traits) {
	phase := pick(d.Rand, "start", "start", "e2e", "e2e", "stop")
	if traits.Racing && d.chance(0.3) {
		phase = "e2e|stop"
	}
	modes := ""
	switch {
	case d.chance(0.25):
		modes = " tolerated" + pick(d.Rand, "", " silent")
	case phase == "e2e":
		modes = " fails" + pick(d.Rand, "", " silent")
	}
	fmt.Fprintf(&d.app, "%s %s%s\n", phase, d.verb(in), modes)
}

// verb draws a verb and its arguments.
func (d *drawing) verb(in dir) string {
	fresh := fmt.Sprintf("%s/made-%d", in.path, d.Intn(3))
	verbs := []string{"write " + fresh, "write " + fresh, "temp " + in.path + "/temporary", "mkdir " + in.path + "/deep/er"}
	if len(in.files) > 0 {
		f := pick(d.Rand, in.files...)
		verbs = append(verbs, "write "+f, "read "+f, "read "+f, "chmod "+f)
	}
	if in.path == "/tmp" {
		verbs = append(verbs, "sticky /tmp", "temp $TMPDIR/temporary")
	} else {
		verbs = append(verbs, "owned "+in.path, "trusted "+in.path)
	}
	return pick(d.Rand, verbs...)
}

// disturb adds what makes runs differ.
func (d *drawing) disturb(traits Traits) {
	at := pick(d.Rand, d.dirs...).path
	if traits.Repeated && d.chance(0.5) {
		fmt.Fprintf(&d.app, "e2e once %s/pushed fails\n", at)
	}
	if traits.Flaky {
		fmt.Fprintf(&d.app, "e2e chance %s fail : connection reset by peer\n", pick(d.Rand, "0.05", "0.2", "0.4"))
	}
	if traits.Killed {
		fmt.Fprintf(&d.app, "%s in-run %d %s\n", pick(d.Rand, "start", "e2e", "stop"), 2+d.Intn(6), pick(d.Rand, "kill", "oom", "break-engine"))
	}
}
