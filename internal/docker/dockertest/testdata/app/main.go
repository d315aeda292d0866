// Command app is the application of the engine's contract tests. Each argument is a step; the answers are lines on
// stdout. It needs nothing of its image.
//
//	id                  uid, gid, groups, effective capabilities, no_new_privs and seccomp mode
//	stat:PATH           mode and owner
//	write:PATH=TEXT     writes a file
//	append:PATH=TEXT    appends to a file
//	read:PATH           reads a file
//	list:PATH           names in a folder
//	mkdir:PATH          makes a folder
//	link:PATH=TO        makes a symbolic link
//	remove:PATH         removes
//	listen:PORT         listens for TCP and greets
//	dial:HOST:PORT      connects by TCP and reads the greeting
//	send:HOST:PORT      sends a UDP datagram, by sendto without connect
//	find:NAME           looks a host name up, and requires an address
//	env:NAME            an environment variable
//	exit:CODE           ends
//	wait                waits for SIGTERM, writes "stopping", and ends with 0
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	for _, step := range os.Args[1:] {
		verb, arg, _ := strings.Cut(step, ":")
		answer, err := do(verb, arg)
		if err != nil {
			answer = "error " + err.Error()
		}
		fmt.Printf("%s: %s\n", step, answer)
	}
}

func do(verb, arg string) (string, error) {
	name, text, _ := strings.Cut(arg, "=")
	switch verb {
	case "id":
		return identity()
	case "stat":
		var s syscall.Stat_t
		err := syscall.Stat(arg, &s)
		return fmt.Sprintf("%o %d:%d", s.Mode&0o7777, s.Uid, s.Gid), err
	case "write":
		return "ok", os.WriteFile(name, []byte(text), 0o644)
	case "append":
		f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return "", err
		}
		defer f.Close()
		_, err = f.WriteString(text)
		return "ok", err
	case "read":
		data, err := os.ReadFile(arg)
		return string(data), err
	case "list":
		entries, err := os.ReadDir(arg)
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return strings.Join(names, " "), err
	case "mkdir":
		return "ok", os.Mkdir(arg, 0o755)
	case "link":
		return "ok", os.Symlink(text, name)
	case "remove":
		return "ok", os.Remove(arg)
	case "env":
		return os.Getenv(arg), nil
	case "exit":
		code, err := strconv.Atoi(arg)
		if err == nil {
			os.Exit(code)
		}
		return "", err
	case "listen":
		return "ok", listen(arg)
	case "dial":
		return dial(arg)
	case "send":
		return "ok", send(arg)
	case "find":
		found, err := net.LookupHost(arg)
		return strconv.Itoa(len(found)), err
	case "wait":
		return wait(), nil
	}
	return "", fmt.Errorf("unknown step")
}

func identity() (string, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "", err
	}
	fields := map[string]string{}
	for _, line := range strings.Split(string(status), "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			fields[name] = strings.TrimSpace(value)
		}
	}
	return fmt.Sprintf("%d:%d groups=%s caps=%s nnp=%s seccomp=%s", os.Getuid(), os.Getgid(), fields["Groups"],
		strings.TrimLeft(fields["CapEff"], "0"), fields["NoNewPrivs"], fields["Seccomp"]), nil
}

func listen(port string) error {
	l, err := net.Listen("tcp", ":"+port)
	if err != nil {
		return err
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("hello\n"))
			_ = conn.Close()
		}
	}()
	return nil
}

func dial(at string) (string, error) {
	conn, err := net.DialTimeout("tcp", at, 10*time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	said, err := io.ReadAll(conn)
	return strings.TrimSpace(string(said)), err
}

func send(at string) error {
	to, err := net.ResolveUDPAddr("udp4", at)
	if err != nil {
		return err
	}
	conn, err := net.ListenUDP("udp4", nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.WriteToUDP([]byte("x"), to)
	return err
}

func wait() string {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	fmt.Println("waiting")
	<-signals
	return "stopping"
}
