package main

import (
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// connections connects and sends in every way. The addresses of 192.0.2.0/24 belong to nobody.
func connections() {
	l, err := net.Listen("tcp", "0.0.0.0:8081")
	must(err)
	for _, at := range []string{ownAddress() + ":8081", "127.0.0.1:8081"} {
		_, err = net.Dial("tcp", at)
		must(err)
		_, err = l.Accept()
		must(err)
	}
	probe, err := net.Dial("udp", "192.0.2.1:5000") // as a resolver does: nothing is sent
	must(err)
	must(probe.Close())
	_, err = net.Dial("udp", "192.0.2.2:5001")
	must(err)
	query, err := net.Dial("udp", "192.0.2.3:53")
	must(err)
	must(query.Close())
	client, err := net.ListenUDP("udp4", nil)
	must(err)
	server, err := net.ListenUDP("udp4", &net.UDPAddr{Port: 5353})
	must(err)
	for range 3 { // once in the result
		_, err = client.WriteToUDP([]byte("x"), &net.UDPAddr{IP: net.IPv4(192, 0, 2, 4), Port: 5002})
		must(err)
	}
	_, err = server.WriteToUDP([]byte("x"), &net.UDPAddr{IP: net.IPv4(192, 0, 2, 5), Port: 40000})
	must(err)
	_, err = net.Dial("unix", "/nowhere/"+strings.Repeat("x", 80))
	if err == nil {
		os.Exit(1)
	}
	time.Sleep(1500 * time.Millisecond) // the observer reads the tables now and then
}

// ownAddress returns the container's address on its network.
func ownAddress() string {
	all, err := net.InterfaceAddrs()
	must(err)
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && n.IP.To4() != nil {
			return n.IP.String()
		}
	}
	return ""
}

// sockets makes n calls on sockets, and returns the nanoseconds that they took.
func sockets(mode string, n int) int64 {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_DGRAM, 0)
	must(err)
	defer func() { _ = syscall.Close(pair[0]); _ = syscall.Close(pair[1]) }()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	must(err)
	defer func() { _ = syscall.Close(fd) }()
	outside := &syscall.SockaddrInet4{Port: 5000, Addr: [4]byte{192, 0, 2, 1}}
	b := make([]byte, 1)
	zero, err := syscall.Open("/dev/zero", syscall.O_RDONLY, 0)
	must(err)
	defer func() { _ = syscall.Close(zero) }()
	begin := time.Now()
	for range n {
		switch mode {
		case "read":
			_, err = syscall.Read(zero, b)
		case "send": // sendto without an address
			if err = unix.Send(pair[0], b, 0); err == nil {
				_, err = syscall.Read(pair[1], b)
			}
		case "sendmsg":
			if err = syscall.Sendmsg(pair[0], b, nil, nil, 0); err == nil {
				_, err = syscall.Read(pair[1], b)
			}
		case "sendto":
			err = syscall.Sendto(fd, b, 0, outside)
		case "connect":
			err = syscall.Connect(fd, outside)
		}
		must(err)
	}
	return time.Since(begin).Nanoseconds()
}
