package docker

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/docker/cli/cli/connhelper"
	"github.com/docker/docker/client"

	"github.com/podseal/podseal/internal/engine"
	"github.com/podseal/podseal/internal/image"
)

// Engine is a Docker engine, connected.
type Engine struct {
	cli  *client.Client
	opts Options
	host string // as configured, for error messages
	pub  string // where published ports are reached: an address that the e2e commands can connect to
	seq  atomic.Int64

	helperOnce  sync.Once
	helperFacts image.Facts
	helperErr   error

	builds  atomic.Bool // something was built
	builtMu sync.Mutex
	built   []string // ids of images that builds made on their way

	images       imageVolumes
	rootsChecked atomic.Bool // the engine makes volumes with the owners and modes that it is told

	lookout  lookout
	foreseen foreseen
}

var _ engine.Engine = (*Engine)(nil)

// Options are the settings of an Engine. The zero value works.
type Options struct {
	// RunID marks everything that this engine makes. Empty means a random one.
	RunID string
	// Progress takes one line now and then while an image is pulled; nil means silence.
	Progress func(line string)
	// Helper returns podseal's own static Linux binary for an architecture in Go's spelling. With nil, or when it
	// fails, runs are not observed from inside; all else works.
	Helper func(arch string) ([]byte, error)
	// NoTrace leaves out the observation of single system calls.
	NoTrace bool
}

// New connects to the engine that the environment names: DOCKER_HOST, else DOCKER_CONTEXT, else the current context of
// the Docker configuration, else the default socket. The error of an engine that does not answer says what to do.
func New(ctx context.Context, opts Options) (*Engine, error) {
	if opts.RunID == "" {
		opts.RunID = randomID()
	}
	if opts.Progress == nil {
		opts.Progress = func(string) {}
	}
	where, err := findEndpoint(os.Getenv)
	if err != nil {
		return nil, err
	}
	cli, err := dial(where)
	if err != nil {
		if bad := new(url.Error); errors.As(err, &bad) {
			err = bad.Err
		}
		return nil, &SettingError{fmt.Sprintf("connecting to the engine at %s: %v: check DOCKER_HOST or the current docker context", where.host, err)}
	}
	e := &Engine{cli: cli, opts: opts, host: where.host, pub: publicHost(where.host)}
	if err := e.greet(ctx); err != nil {
		_ = cli.Close()
		return nil, err
	}
	return e, nil
}

// RunID is the id that marks what this engine makes.
func (e *Engine) RunID() string { return e.opts.RunID }

// Close lets go of the connections. It removes nothing; see Sweep.
func (e *Engine) Close() error { return e.cli.Close() }

func dial(where endpoint) (*client.Client, error) {
	opts := []client.Opt{client.WithAPIVersionNegotiation(), client.WithVersionFromEnv()}
	helper, err := connhelper.GetConnectionHelper(where.host)
	if err != nil {
		return nil, err
	}
	switch {
	case helper != nil: // ssh://
		opts = append(opts, client.WithHost(helper.Host), client.WithDialContext(helper.Dialer))
	case where.tls != nil:
		transport, err := tlsClient(where)
		if err != nil {
			return nil, err
		}
		opts = append(opts, client.WithHTTPClient(transport), client.WithHost(where.host))
	default:
		opts = append(opts, client.WithHost(where.host))
	}
	return client.NewClientWithOpts(opts...)
}

// greet makes sure that a Linux engine answers.
func (e *Engine) greet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	ping, err := e.cli.Ping(ctx)
	if err != nil {
		return &UnreachableError{Host: e.host, Err: err}
	}
	if ping.OSType == "windows" {
		return fmt.Errorf("the engine at %s runs Windows containers: switch it to Linux containers, "+
			"or point DOCKER_HOST at a Linux engine", e.host)
	}
	e.cli.NegotiateAPIVersionPing(ping)
	return e.checkVersion(ctx, ping.APIVersion)
}

// UnreachableError is an engine that does not answer.
type UnreachableError struct {
	Host string
	Err  error
}

func (u *UnreachableError) Error() string {
	text := u.Err.Error()
	switch {
	case strings.Contains(text, "permission denied"):
		return fmt.Sprintf("no permission to use the engine at %s: add your user to the socket's group "+
			"(usually docker), or point DOCKER_HOST at an engine that you may use", u.Host)
	case strings.Contains(text, "no such host"), strings.Contains(text, "certificate"),
		strings.Contains(text, "tls:"), strings.HasPrefix(u.Host, "ssh://"):
		return fmt.Sprintf("no engine answers at %s: %s: check DOCKER_HOST or the current docker context", u.Host,
			strings.TrimSpace(text))
	}
	return fmt.Sprintf("no engine answers at %s: start it, or point DOCKER_HOST or a docker context at one that runs",
		u.Host)
}

func (u *UnreachableError) Unwrap() error { return u.Err }

// publicHost is where ports that the engine publishes are reached.
func publicHost(host string) string {
	u, err := url.Parse(host)
	if err != nil || u.Hostname() == "" || (u.Scheme != "tcp" && u.Scheme != "ssh" && !strings.HasPrefix(u.Scheme, "http")) {
		return "127.0.0.1"
	}
	if h := u.Hostname(); h != "localhost" {
		return h
	}
	return "127.0.0.1"
}

// remote tells whether published ports must be open to other machines, this one being another machine.
func (e *Engine) remote() bool { return e.pub != "127.0.0.1" && e.pub != "::1" }

func randomID() string {
	b := make([]byte, 5)
	_, _ = rand.Read(b) // crypto/rand.Read never fails
	return hex.EncodeToString(b)
}
