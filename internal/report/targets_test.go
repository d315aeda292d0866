package report

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestTargetLines shows a line for each target on a terminal.
func TestTargetLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w safe
		p := NewProgress(&w, ProgressOptions{Terminal: true, Width: 40})
		expect := func(want string) {
			t.Helper()
			synctest.Wait()
			if got := screen(w.String()); got != want {
				t.Errorf("the terminal shows\n%s\nwant\n%s", got, want)
			}
		}
		web, db := p.Target("web"), p.Target("database")
		web.Step("open run")
		expect("   0s 0 of 2 targets done\n   0s web       open run\n      database  waiting")
		end := web.Begin("one")
		web.Begin("two")
		time.Sleep(3 * time.Second)
		db.Step("open run: a long line that does not fit")
		expect("   3s 0 of 2 targets done\n   3s web       open run (2 runs)\n   0s database  open run: a long lin...")
		end()
		web.End("sealed")
		expect("   3s 1 of 2 targets done\n      web       sealed\n   0s database  open run: a long lin...")
		p.Done()
		db.Step("late")
		if strings.Contains(w.String(), "late") {
			t.Error("it shows something after its end")
		}
	})
}

// TestManyTargets: those that run come first.
func TestManyTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w safe
		p := NewProgress(&w, ProgressOptions{Terminal: true})
		defer p.Done()
		for i := range 20 {
			p.Target(fmt.Sprint("t", i))
		}
		p.targets[0].End("sealed")
		p.targets[11].Step("open run")
		p.targets[12].Step("open run")
		synctest.Wait()
		want := "   0s 1 of 20 targets done\n   0s t11  open run\n   0s t12  open run\n      and 18 more"
		if got := screen(w.String()); got != want {
			t.Errorf("the terminal shows\n%s\nwant\n%s", got, want)
		}
	})
}

// TestPlainTargets writes a line for each step without a terminal.
func TestPlainTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w safe
		p := NewProgress(&w, ProgressOptions{})
		web := p.Target("web")
		web.Step("open run")
		web.Step("open run")
		web.Begin("open run")()
		web.End("sealed\x1b[2J")
		p.Done()
		if got := w.String(); got != "   0s web: open run\n   0s web: sealed\n" {
			t.Errorf("got %q", got)
		}
	})
}
