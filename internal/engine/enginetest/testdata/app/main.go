// Command app executes a script of package enginetest for real. It is the entrypoint of the images that conformance tests
// of an engine run, and needs nothing of its image. The environment variable SCRIPT holds the script.
//
// Without arguments it executes the phase start and waits for SIGTERM, then executes the phase stop. With the name of a
// phase as argument it executes that phase and exits with 1 where an operation fails.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/podseal/podseal/internal/engine/enginetest/script"
)

func main() {
	s, err := script.Parse(os.Getenv("SCRIPT"))
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	a := &app{script: s}
	if len(os.Args) > 1 {
		if !a.phase(os.Args[1]) {
			os.Exit(1)
		}
		return
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	a.phase("start")
	for _, o := range s {
		if o.After > 0 {
			time.AfterFunc(o.After, func() { a.execute(o) })
		}
	}
	<-signals
	a.phase("stop")
	if a.hangs {
		select {}
	}
}

// app is the state of the application.
type app struct {
	script script.Script
	hangs  bool
}

// phase executes the operations of a phase that are not delayed. It reports whether all succeeded.
func (a *app) phase(name string) bool {
	ok := true
	for _, o := range a.script {
		if o.After == 0 && o.Phases[0] == name && !a.execute(o) {
			ok = false
		}
	}
	return ok
}

// execute executes an operation if its conditions hold. It reports whether an e2e command would go on.
func (a *app) execute(o script.Operation) bool {
	if !holds(o) {
		return true
	}
	subject, err := a.perform(o)
	if err == "" {
		return true
	}
	if !o.Has("silent") {
		fmt.Println(o.Refusal(subject, err))
	}
	if !o.Has("tolerated") && !o.Has("fails") && o.Verb != "fail" {
		os.Exit(1)
	}
	return o.Has("tolerated")
}

func holds(o script.Operation) bool {
	for _, c := range o.Conditions {
		_, err := os.Lstat(c.Arg)
		ok := false
		switch c.Word {
		case "if-root":
			ok = os.Getuid() == 0
		case "if-user":
			ok = os.Getuid() != 0
		case "if":
			ok = err == nil
		case "unless":
			ok = err != nil
		case "writable":
			ok = syscall.Access(c.Arg, 2) == nil
		case "unwritable":
			ok = syscall.Access(c.Arg, 2) != nil
		}
		if !ok {
			return false
		}
	}
	return true
}

// perform executes an operation. It returns the subject of an error and the error.
func (a *app) perform(o script.Operation) (subject, err string) {
	switch o.Verb {
	case "log":
		fmt.Println(o.Text)
	case "fail":
		return "", script.Failed
	case "hang":
		a.hangs = true
	case "exit":
		code, _ := strconv.Atoi(o.Arg())
		os.Exit(code)
	case "id":
		fmt.Printf("app: id %d:%d %v\n", os.Getuid(), os.Getgid(), groups())
	case "listen":
		return "", errno(listen(o.Arg()))
	case "connect":
		return "", errno(connect(o.Arg()))
	default:
		subject = o.Arg()
		if o.Verb == "rename" {
			subject += " " + o.Args[1]
		}
		return subject, file(o)
	}
	return "", ""
}
