package docker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"
	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/connhelper"
	clicontext "github.com/docker/cli/cli/context"
	clidocker "github.com/docker/cli/cli/context/docker"
	"github.com/docker/cli/cli/context/store"
	"github.com/docker/docker/client"
	"github.com/docker/go-connections/sockets"
	"github.com/docker/go-connections/tlsconfig"
)

// findEndpoint returns the engine that the docker command would use, by the same rules.
func findEndpoint(env func(string) string) (clidocker.Endpoint, error) {
	if host := env("DOCKER_HOST"); host != "" {
		return environmentEndpoint(host, env)
	}
	dir := env("DOCKER_CONFIG")
	if dir == "" {
		dir = config.Dir()
	}
	name := env("DOCKER_CONTEXT")
	if name == "" {
		cfg, err := config.Load(dir)
		if err != nil {
			return clidocker.Endpoint{}, fmt.Errorf("reading the docker configuration in %s: %w", dir, err)
		}
		name = cfg.CurrentContext
	}
	if name == "" || name == "default" {
		return environmentEndpoint(client.DefaultDockerHost, env)
	}
	return contextEndpoint(filepath.Join(dir, "contexts"), name)
}

// environmentEndpoint returns the endpoint of an address with the TLS files that DOCKER_CERT_PATH and DOCKER_TLS_VERIFY
// name.
func environmentEndpoint(host string, env func(string) string) (clidocker.Endpoint, error) {
	at := clidocker.Endpoint{EndpointMeta: clidocker.EndpointMeta{Host: host}}
	dir := env("DOCKER_CERT_PATH")
	if dir == "" {
		return at, nil
	}
	at.SkipTLSVerify = env("DOCKER_TLS_VERIFY") == ""
	existing := func(name string) string {
		file := filepath.Join(dir, name)
		if _, err := os.Stat(file); err != nil {
			return ""
		}
		return file
	}
	data, err := clicontext.TLSDataFromFiles(existing("ca.pem"), existing("cert.pem"), existing("key.pem"))
	if err != nil {
		return at, fmt.Errorf("reading the TLS files of DOCKER_CERT_PATH: %w", err)
	}
	at.TLSData = data
	return at, nil
}

// contextEndpoint returns the endpoint of a context in the store of the docker command.
func contextEndpoint(dir, name string) (clidocker.Endpoint, error) {
	contexts := store.New(dir, store.NewConfig(
		func() any { return &map[string]any{} },
		store.EndpointTypeGetter(clidocker.DockerEndpoint, func() any { return &clidocker.EndpointMeta{} }),
	))
	meta, err := contexts.GetMetadata(name)
	if errdefs.IsNotFound(err) {
		return clidocker.Endpoint{}, fmt.Errorf("there is no docker context %q: see `docker context ls`, and set "+
			"DOCKER_CONTEXT or DOCKER_HOST", name)
	}
	if err != nil {
		return clidocker.Endpoint{}, fmt.Errorf("reading docker context %q: %w", name, err)
	}
	at, ok := meta.Endpoints[clidocker.DockerEndpoint].(clidocker.EndpointMeta)
	if !ok {
		return clidocker.Endpoint{}, fmt.Errorf("docker context %q has no docker endpoint: choose another by DOCKER_CONTEXT", name)
	}
	if at.Host == "" {
		at.Host = client.DefaultDockerHost
	}
	found, err := clidocker.WithTLSData(contexts, name, at)
	if err != nil {
		return clidocker.Endpoint{}, fmt.Errorf("reading the TLS files of docker context %q: %w", name, err)
	}
	return found, nil
}

// dial makes the API client of an endpoint. It opens no connection yet.
func dial(at clidocker.Endpoint) (*client.Client, error) {
	opts := []client.Opt{client.WithAPIVersionNegotiation(), client.WithVersionFromEnv()}
	helper, err := connhelper.GetConnectionHelper(at.Host)
	if err != nil {
		return nil, err
	}
	if helper != nil { // ssh://
		return client.NewClientWithOpts(append(opts, client.WithHost(helper.Host), client.WithDialContext(helper.Dialer))...)
	}
	if at.TLSData != nil || at.SkipTLSVerify {
		secured, err := tlsClient(at)
		if err != nil {
			return nil, err
		}
		opts = append(opts, client.WithHTTPClient(secured))
	}
	return client.NewClientWithOpts(append(opts, client.WithHost(at.Host))...)
}

func tlsClient(at clidocker.Endpoint) (*http.Client, error) {
	cfg := tlsconfig.ClientDefault(func(cfg *tls.Config) {
		cfg.InsecureSkipVerify = at.SkipTLSVerify
	})
	if data := at.TLSData; data != nil {
		if data.CA != nil {
			cfg.RootCAs = x509.NewCertPool()
			if !cfg.RootCAs.AppendCertsFromPEM(data.CA) {
				return nil, errors.New("reading the TLS files: ca.pem holds no certificate")
			}
		}
		if data.Cert != nil && data.Key != nil {
			pair, err := tls.X509KeyPair(data.Cert, data.Key)
			if err != nil {
				return nil, fmt.Errorf("reading the TLS files: %w", err)
			}
			cfg.Certificates = []tls.Certificate{pair}
		}
	}
	u, err := url.Parse(at.Host)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: cfg}
	if err := sockets.ConfigureTransport(transport, u.Scheme, u.Host); err != nil {
		return nil, err
	}
	return &http.Client{Transport: transport, CheckRedirect: client.CheckRedirect}, nil
}

// checkVersion refuses a DOCKER_API_VERSION that the engine does not speak. The client sends it unchecked, and the
// engine's answer to any call is then a refusal of that call.
func (c *conn) checkVersion(ctx context.Context, newest string) error {
	version := os.Getenv(client.EnvOverrideAPIVersion)
	if version == "" {
		return nil
	}
	_, err := c.api.ServerVersion(ctx)
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	return &SettingError{fmt.Sprintf("DOCKER_API_VERSION=%s: the engine at %s does not speak this version, its newest is %s: unset it",
		version, c.host, newest)}
}
