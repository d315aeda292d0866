package streams

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
)

// Serve starts processes of a program as the client at the other end of in and out asks for them. It returns when in ends;
// processes that run then go on.
func Serve(in io.Reader, out io.Writer, program string) error {
	s := server{sender: sender{to: out}, program: program, inputs: map[uint32]io.WriteCloser{}}
	return receive(in, s.handle)
}

type server struct {
	sender
	program string
	inputs  map[uint32]io.WriteCloser // by process
}

func (s *server) handle(k kind, process uint32, payload []byte) {
	switch in := s.inputs[process]; {
	case k == start && in == nil:
		if s.start(process, payload) != nil {
			_ = s.send(end, process, nil) // where the client is gone, the next read ends as well
		}
	case in == nil:
	case k == data:
		_, _ = in.Write(payload) // an error is that the process has ended
	case k == end:
		delete(s.inputs, process)
		_ = in.Close()
	}
}

// start starts a process and sends its output.
func (s *server) start(process uint32, payload []byte) error {
	var args []string
	if err := json.Unmarshal(payload, &args); err != nil {
		return err
	}
	cmd := exec.CommandContext(context.Background(), s.program, args...) // it ends with its input
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.inputs[process] = in
	go func() {
		_, _ = io.Copy(output{&s.sender, process}, out) // without a client the process writes in vain, and ends all the same
		_, _ = io.Copy(io.Discard, out)
		_ = errors.Join(cmd.Wait(), s.send(end, process, nil)) // nobody asks how it ended
	}()
	return nil
}

// output is the output of a process.
type output struct {
	*sender
	process uint32
}

func (o output) Write(b []byte) (int, error) {
	if err := o.send(data, o.process, b); err != nil {
		return 0, err
	}
	return len(b), nil
}
