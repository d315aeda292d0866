// Package streams carries the inputs and outputs of several processes over one stream: those of the observers over the one
// of their container. To execute each in the container by the engine takes the engine ten times as long.
package streams

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"time"

	"github.com/hashicorp/yamux"
)

// config returns the settings of both ends. An end that is gone ends the stream itself; nothing has to ask for it, and a
// machine under load may be slow.
func config() *yamux.Config {
	c := yamux.DefaultConfig()
	c.EnableKeepAlive, c.ConnectionWriteTimeout, c.StreamOpenTimeout = false, time.Hour, 0
	c.LogOutput = io.Discard
	return c
}

// Client starts processes at a server.
type Client struct{ session *yamux.Session }

// NewClient returns a client whose server reads and writes the other end of a stream.
func NewClient(rw io.ReadWriteCloser) (*Client, error) {
	session, err := yamux.Client(rw, config())
	if err != nil {
		return nil, err
	}
	return &Client{session}, nil
}

// Start starts the server's program with arguments, and returns its stdout and stdin. A process that cannot be started ends
// at once. Close ends its stdin, and nothing more can be read.
func (c *Client) Start(args []string) (io.ReadWriteCloser, error) {
	s, err := c.session.OpenStream()
	if err != nil {
		return nil, err
	}
	if err := json.NewEncoder(s).Encode(args); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return process{s}, nil
}

// Ended returns a channel that is closed when the stream has ended, and with it all processes' outputs.
func (c *Client) Ended() <-chan struct{} { return c.session.CloseChan() }

// Close closes the stream.
func (c *Client) Close() error { return c.session.Close() }

// process is a process of the server, as its client sees it.
type process struct{ *yamux.Stream }

func (p process) Close() error {
	return errors.Join(p.Stream.Close(), p.SetReadDeadline(time.Unix(0, 0)))
}

// Serve starts processes of a program as the client at the other end of in and out asks for them. It returns when in ends;
// processes that run then get the end of their input.
func Serve(in io.Reader, out io.Writer, program string) error {
	session, err := yamux.Server(struct {
		io.ReadCloser
		io.Writer
	}{io.NopCloser(in), out}, config())
	if err != nil {
		return err
	}
	for {
		s, err := session.AcceptStream()
		if errors.Is(err, io.EOF) || errors.Is(err, yamux.ErrSessionShutdown) {
			return nil
		}
		if err != nil {
			return err
		}
		go func() {
			_ = errors.Join(run(s, program), s.Close()) // its client sees the end, and asks for no reason
		}()
	}
}

// run runs a process with the arguments in the first line of its stream.
func run(s io.ReadWriter, program string) error {
	input := bufio.NewReader(s)
	line, err := input.ReadBytes('\n')
	if err != nil {
		return err
	}
	var args []string
	if err := json.Unmarshal(line, &args); err != nil {
		return err
	}
	cmd := exec.CommandContext(context.Background(), program, args...) // it ends with its input
	cmd.Stdout = s
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		_, err := io.Copy(in, input)
		_ = errors.Join(err, in.Close()) // an error is that the process has ended
	}()
	return cmd.Wait()
}
