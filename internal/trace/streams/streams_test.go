package streams

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
)

// childVariable makes the test binary a process that repeats each line of its input.
const childVariable = "PODSEAL_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) == "" {
		os.Exit(m.Run())
	}
	fmt.Println(strings.Join(os.Args[1:], " "))
	for lines := bufio.NewReader(os.Stdin); ; {
		text, err := lines.ReadString('\n')
		if err != nil {
			break
		}
		if text == "die\n" {
			os.Exit(1)
		}
		fmt.Print(text)
	}
	fmt.Println("end of input")
}

// connect returns a client of a server for the program, and a function that ends the stream and waits for the server.
func connect(t *testing.T, program string) (c *Client, hangUp func()) {
	t.Helper()
	t.Setenv(childVariable, "1")
	near, far := net.Pipe()
	c, err := NewClient(near)
	if err != nil {
		t.Fatal(err)
	}
	var server sync.WaitGroup
	server.Go(func() {
		if err := Serve(far, far, program); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return c, func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		server.Wait()
		<-c.Ended()
	}
}

func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestProcesses: each process has its own arguments, input and output.
func TestProcesses(t *testing.T) {
	c, hangUp := connect(t, self(t))
	var running sync.WaitGroup
	for i := range 3 {
		running.Go(func() {
			p, err := c.Start([]string{"process", fmt.Sprint(i)})
			if err != nil {
				t.Error(err)
				return
			}
			lines := bufio.NewReader(p)
			want := func(text string) {
				if got, err := lines.ReadString('\n'); err != nil || got != text+"\n" {
					t.Errorf("process %d wrote %d bytes %.40q, %v; want %d bytes %.40q", i, len(got), got, err, len(text), text)
				}
			}
			want(fmt.Sprintf("process %d", i))
			for _, n := range []int{1, 10, 1 << 20} { // the last one in many frames
				text := strings.Repeat(fmt.Sprint(i), n)
				go func() {
					if _, err := io.WriteString(p, text+"\n"); err != nil {
						t.Error(err)
					}
				}()
				want(text)
			}
			if _, err := io.WriteString(p, "die\n"); err != nil {
				t.Error(err)
			}
			if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 {
				t.Errorf("process %d, after its end: %q, %v", i, rest, err)
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	hangUp()
	if _, err := c.Start(nil); err == nil {
		t.Error("a process starts where there is no server")
	}
}

// TestClose: a process that its client closes can no longer be read, and stops no other.
func TestClose(t *testing.T) {
	c, hangUp := connect(t, self(t))
	first, err := c.Start([]string{"first"})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil { // nothing of it has been read
		t.Error(err)
	}
	if _, err := io.ReadAll(first); err == nil {
		t.Error("a closed process can be read to its end")
	}
	second, err := c.Start([]string{"second"})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := bufio.NewReader(second).ReadString('\n'); got != "second\n" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	go hangUp()
	if _, err := io.Copy(io.Discard, second); err != nil {
		t.Errorf("where the stream ends: %v", err)
	}
}

func TestMissingProgram(t *testing.T) {
	c, hangUp := connect(t, "/not/there")
	defer hangUp()
	p, err := c.Start(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(p); err != nil || len(got) > 0 {
		t.Errorf("%q, %v", got, err)
	}
}

// TestBrokenStream: what is no frame ends all processes.
func TestBrokenStream(t *testing.T) {
	near, far := net.Pipe()
	c, err := NewClient(near)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, far) }()
	p, err := c.Start(nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.WriteString(far, "this is no frame") }()
	if _, err := io.ReadAll(p); err != nil {
		t.Error(err)
	}
	<-c.Ended()
}
