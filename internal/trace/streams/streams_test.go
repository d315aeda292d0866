package streams

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// childVariable makes the test binary a process that repeats each line of its input.
const childVariable = "PODSEAL_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) == "" {
		os.Exit(m.Run())
	}
	fmt.Println(strings.Join(os.Args[1:], " "))
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if lines.Text() == "die" {
			os.Exit(1)
		}
		fmt.Println(lines.Text())
	}
	fmt.Println("end of input")
}

// connect returns a client of a server for the program, and a function that ends the stream and waits for both.
func connect(t *testing.T, program string) (c *Client, hangUp func()) {
	t.Helper()
	t.Setenv(childVariable, "1")
	toServer, fromClient := io.Pipe()
	toClient, fromServer := io.Pipe()
	c = NewClient(struct {
		io.Reader
		io.Writer
	}{toClient, fromClient})
	var both sync.WaitGroup
	both.Go(func() {
		if err := Serve(toServer, fromServer, program); err != nil {
			t.Errorf("Serve: %v", err)
		}
		fromServer.Close()
	})
	both.Go(func() {
		if err := c.Run(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return c, func() { fromClient.Close(); both.Wait() }
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
			lines := bufio.NewReaderSize(p, 1<<20)
			want := func(text string) {
				if got, err := lines.ReadString('\n'); err != nil || got != text+"\n" {
					t.Errorf("process %d wrote %d bytes %.40q, %v; want %d bytes %.40q", i, len(got), got, err, len(text), text)
				}
			}
			want(fmt.Sprintf("process %d", i))
			for _, n := range []int{1, 10, 60_000} { // the last one in two frames
				text := strings.Repeat(fmt.Sprint(i), n)
				if _, err := io.WriteString(p, text+"\n"); err != nil {
					t.Error(err)
				}
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

// TestClose: a process that its client closes gets the end of its input, and stops no other.
func TestClose(t *testing.T) {
	c, hangUp := connect(t, self(t))
	first, err := c.Start([]string{"first"})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil { // nothing of it has been read
		t.Error(err)
	}
	if n, err := first.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Errorf("a closed process wrote %d bytes, %v", n, err)
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

// TestBrokenStream: a frame that is cut off or too long is an error, and ends all processes.
func TestBrokenStream(t *testing.T) {
	long := binary.BigEndian.AppendUint32([]byte{byte(data), 0, 0, 0, 1}, maxPayload+1)
	for name, text := range map[string][]byte{"cut off": {byte(data), 0}, "no payload": {byte(data), 0, 0, 0, 1, 0, 0, 0, 2, 'x'}, "too long": long} {
		synctest.Test(t, func(t *testing.T) {
			c := NewClient(struct {
				io.Reader
				io.Writer
			}{bytes.NewReader(text), io.Discard})
			p, err := c.Start(nil)
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				if c.Run() == nil {
					t.Errorf("%s: no error", name)
				}
			}()
			if _, err := io.ReadAll(p); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}
