package streams

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// errOver is returned for a process whose server has ended.
var errOver = errors.New("the stream has ended")

// Client starts processes at a server.
type Client struct {
	sender
	from io.Reader

	mu      sync.Mutex
	over    bool
	started uint32
	outputs map[uint32]*io.PipeWriter // by process
}

// NewClient returns a client whose server reads and writes the other end of a stream.
func NewClient(rw io.ReadWriter) *Client {
	return &Client{sender: sender{to: rw}, from: rw, outputs: map[uint32]*io.PipeWriter{}}
}

// Run reads the output of the processes until the stream ends, and ends theirs then. Each process must be read, or closed:
// one that is not stops all.
func (c *Client) Run() error {
	err := receive(c.from, c.handle)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	for _, w := range c.outputs {
		_ = w.Close() // which cannot fail
	}
	return err
}

func (c *Client) handle(k kind, process uint32, payload []byte) {
	c.mu.Lock()
	w := c.outputs[process]
	c.mu.Unlock()
	switch {
	case w == nil: // it was closed
	case k == data:
		_, _ = w.Write(payload) // an error is that it was closed
	case k == end:
		c.forget(process)
		_ = w.Close()
	}
}

func (c *Client) forget(process uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.outputs, process)
}

// Start starts the server's program with arguments, and returns its stdout and stdin. A process that cannot be started ends
// at once. Close ends its stdin, and drops what it writes from then on.
func (c *Client) Start(args []string) (io.ReadWriteCloser, error) {
	payload, err := json.Marshal(args)
	if err != nil {
		return nil, err
	}
	if len(payload) > maxPayload {
		return nil, fmt.Errorf("starting a process: its arguments have %d bytes", len(payload))
	}
	read, write := io.Pipe()
	c.mu.Lock()
	over := c.over
	c.started++
	p := process{PipeReader: read, client: c, number: c.started}
	if !over {
		c.outputs[p.number] = write
	}
	c.mu.Unlock()
	if over {
		return nil, errOver
	}
	if err := c.send(start, p.number, payload); err != nil {
		c.forget(p.number)
		return nil, err
	}
	return p, nil
}

// process is a process of the server, as its client sees it.
type process struct {
	*io.PipeReader
	client *Client
	number uint32
}

func (p process) Write(b []byte) (int, error) {
	if err := p.client.send(data, p.number, b); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (p process) Close() error {
	p.client.forget(p.number)
	return errors.Join(p.PipeReader.Close(), p.client.send(end, p.number, nil))
}
