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
	"sync/atomic"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/client"
)

// Client makes, reads and removes objects of a Docker engine. Everything that it makes carries the id of its run.
type Client struct {
	*conn
	imageStore
	volumeStore
	networkStore
	*builder
}

// conn is the connection to an engine, for one run.
type conn struct {
	api    *client.Client
	opts   Options
	host   string // as configured, for error messages
	public string // address at which published ports are reached
	seq    atomic.Int64
	frozen atomic.Bool  // the engine did not answer the last time it was asked for a sign of life
	alive  atomic.Int64 // when it answered, in Unix nanoseconds
}

// Options are the settings of a Client. The zero value works.
type Options struct {
	// RunID marks everything that the client makes. Empty means a random one.
	RunID string
	// Progress receives one line now and then while an image is pulled or built; nil means silence.
	Progress func(line string)
}

// New connects to the engine that the environment names: DOCKER_HOST, else DOCKER_CONTEXT, else the current context of
// the Docker configuration, else the default socket. An engine that does not answer is an *UnreachableError.
func New(ctx context.Context, opts Options) (*Client, error) {
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
	api, err := dial(where)
	if err != nil {
		if bad := new(url.Error); errors.As(err, &bad) {
			err = bad.Err
		}
		return nil, &SettingError{fmt.Sprintf("connecting to the engine at %s: %v: check DOCKER_HOST or the current docker context", where.Host, err)}
	}
	c := &conn{api: api, opts: opts, host: where.Host, public: publicHost(where.Host)}
	if err := c.checkEngine(ctx); err != nil {
		_ = api.Close()
		return nil, err
	}
	images := imageStore{c}
	return &Client{conn: c, imageStore: images, volumeStore: volumeStore{c}, networkStore: networkStore{c}, builder: &builder{images: images}}, nil
}

// RunID returns the id that marks what this client makes.
func (c *conn) RunID() string { return c.opts.RunID }

// Address returns the address of the engine, as configured.
func (c *conn) Address() string { return c.host }

// PublicHost returns the address at which the ports that the engine publishes are reached.
func (c *conn) PublicHost() string { return c.public }

// PublishAddress returns the address on which the engine must publish ports so that they are reached at PublicHost: the
// loopback interface unless the engine is on another machine.
func (c *conn) PublishAddress() string {
	if c.public == "127.0.0.1" || c.public == "::1" {
		return "127.0.0.1"
	}
	return "0.0.0.0"
}

// Close closes the connections. It removes nothing; see Sweep.
func (c *conn) Close() error { return c.api.Close() }

// Name returns an object name that no other object of any run has.
func (c *conn) Name(purpose string) string {
	return fmt.Sprintf("podseal-%s-%d-%s", c.opts.RunID, c.seq.Add(1), purpose)
}

// Architecture returns the engine's architecture in Go's spelling.
func (c *conn) Architecture(ctx context.Context) (string, error) {
	v, err := c.serverVersion(ctx)
	return v.Arch, err
}

// Version returns the engine's version.
func (c *conn) Version(ctx context.Context) (string, error) {
	v, err := c.serverVersion(ctx)
	return v.Version, err
}

func (c *conn) serverVersion(ctx context.Context) (types.Version, error) {
	v, err := c.api.ServerVersion(ctx)
	if err != nil {
		err = c.failure(ctx, "asking for the version of", "the engine", err)
	}
	return v, err
}

// Description is what an engine says of itself.
type Description struct {
	Address, Version, API              string
	System, Kernel, Architecture       string // "Debian GNU/Linux 12", "6.1.0", "amd64"
	Cgroup, CgroupDriver               string // "1" or "2"; "cgroupfs" or "systemd"
	Storage                            string // "overlay2"
	Containerd                         bool   // images are in containerd's store, not in a graph driver's
	Root                               string // the engine's folder, on its machine
	Seccomp                            string // the name of the default profile; "" without seccomp
	AppArmor, SELinux, Remap, Rootless bool
	MemoryLimit                        bool // containers can have a memory limit
	CPUs                               int
	Memory                             int64 // bytes
}

// Describe asks the engine what it is.
func (c *conn) Describe(ctx context.Context) (Description, error) {
	info, err := c.api.Info(ctx)
	if err != nil {
		return Description{}, c.failure(ctx, "describing", "the engine", err)
	}
	version, err := c.serverVersion(ctx)
	if err != nil {
		return Description{}, err
	}
	d := Description{
		Address: c.host, Version: info.ServerVersion, API: c.api.ClientVersion(), System: info.OperatingSystem,
		Kernel: info.KernelVersion, Architecture: version.Arch, Cgroup: info.CgroupVersion, CgroupDriver: info.CgroupDriver,
		Storage: info.Driver, Root: info.DockerRootDir, MemoryLimit: info.MemoryLimit, CPUs: info.NCPU, Memory: info.MemTotal,
	}
	for _, pair := range info.DriverStatus {
		d.Containerd = d.Containerd || strings.HasPrefix(pair[1], "io.containerd.snapshotter")
	}
	for _, o := range info.SecurityOptions {
		d.addOption(o)
	}
	return d, nil
}

// addOption notes a security option of the engine: "name=seccomp,profile=default".
func (d *Description) addOption(option string) {
	name, rest, _ := strings.Cut(strings.TrimPrefix(option, "name="), ",")
	switch name {
	case "seccomp":
		_, d.Seccomp, _ = strings.Cut(rest, "profile=")
	case "apparmor":
		d.AppArmor = true
	case "selinux":
		d.SELinux = true
	case "userns":
		d.Remap = true
	case "rootless":
		d.Rootless = true
	}
}

// checkEngine makes sure that a Linux engine answers.
func (c *conn) checkEngine(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	ping, err := c.api.Ping(ctx)
	if err != nil {
		return &UnreachableError{Host: c.host, Err: err}
	}
	if ping.OSType == "windows" {
		return fmt.Errorf("the engine at %s runs Windows containers: switch it to Linux containers, "+
			"or point DOCKER_HOST at a Linux engine", c.host)
	}
	c.api.NegotiateAPIVersionPing(ping)
	return c.checkVersion(ctx, ping.APIVersion)
}

// publicHost returns the host of an engine's address where it is a network address, else the loopback address.
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

func randomID() string {
	b := make([]byte, 5)
	_, _ = rand.Read(b) // crypto/rand.Read never fails
	return hex.EncodeToString(b)
}
