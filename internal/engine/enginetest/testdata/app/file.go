package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/podseal/podseal/internal/engine/enginetest/script"
)

// file executes an operation on a path.
func file(o script.Operation) string {
	p := o.Arg()
	switch o.Verb {
	case "write":
		return errno(write(p, os.O_CREATE|os.O_TRUNC))
	case "once":
		return errno(write(p, os.O_CREATE|os.O_EXCL))
	case "temp":
		if err := write(p, os.O_CREATE); err != nil {
			return errno(err)
		}
		return errno(os.Remove(p))
	case "mkdir":
		return errno(os.MkdirAll(p, 0o755))
	case "remove":
		return errno(os.RemoveAll(p))
	case "rename":
		return errno(syscall.Rename(p, o.Args[1]))
	case "symlink":
		return errno(os.Symlink(p, o.Args[1]))
	case "link":
		return errno(os.Link(p, o.Args[1]))
	case "chmod":
		return errno(chmod(p))
	case "chown":
		to, _ := script.ParseUser(o.Args[1])
		return errno(os.Chown(p, int(to.UID), int(to.GID)))
	case "read":
		_, err := os.ReadFile(p)
		return errno(err)
	}
	return inspect(o.Verb, p)
}

// inspect executes an operation that changes nothing.
func inspect(verb, p string) string {
	var s syscall.Stat_t
	if err := syscall.Lstat(p, &s); err != nil {
		return errno(err)
	}
	own := s.Uid == uint32(os.Getuid())
	switch {
	case verb == "owned" && !own, verb == "trusted" && !own && s.Uid != 0:
		return script.WrongOwner
	case verb == "private" && s.Mode&0o077 != 0:
		return script.WrongMode
	case verb == "sticky" && s.Mode&0o002 != 0 && s.Mode&0o1000 == 0:
		return script.NotSticky
	case verb == "stat":
		fmt.Printf("app: stat %s: %04o %d:%d\n", p, s.Mode&0o1777, s.Uid, s.Gid)
	}
	return ""
}

func write(p string, flags int) error {
	f, err := os.OpenFile(p, os.O_WRONLY|flags, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString("x")
	return errors.Join(err, f.Close())
}

func chmod(p string) error {
	info, err := os.Lstat(p)
	if err != nil {
		return err
	}
	return os.Chmod(p, info.Mode()^0o004)
}

// listen listens on a TCP port and greets whoever connects.
func listen(port string) error {
	l, err := net.Listen("tcp", ":"+port)
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprintln(c, "hello")
			_ = c.Close()
		}
	}()
	return nil
}

// connect sends a datagram through a socket that stays open.
func connect(at string) error {
	c, err := net.Dial("udp", at)
	if err == nil {
		_, err = fmt.Fprintln(c, "hello")
		peers = append(peers, c)
	}
	return err
}

// peers keeps connections open.
var peers []net.Conn

// groups returns the group and the supplementary groups, sorted.
func groups() []int {
	all, _ := os.Getgroups()
	all = append(all, os.Getgid())
	slices.Sort(all)
	return slices.Compact(all)
}

// errno returns the name of the system call's error, "" for none.
func errno(err error) string {
	if err == nil {
		return ""
	}
	var e syscall.Errno
	if errors.As(err, &e) {
		return unix.ErrnoName(e)
	}
	return err.Error()
}
