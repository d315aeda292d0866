package docker

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"github.com/docker/cli/cli/config"
	"github.com/docker/docker/client"
	"github.com/docker/go-connections/sockets"
	"github.com/docker/go-connections/tlsconfig"
)

// endpoint is where an engine is and how to speak to it.
type endpoint struct {
	host string
	tls  *tlsFiles
}

// tlsFiles are the files of a TLS connection; a file that is not there is "".
type tlsFiles struct {
	ca, cert, key string
	skipVerify    bool
}

// findEndpoint follows the docker command's own order, so that podseal speaks to the engine that docker speaks to.
func findEndpoint(env func(string) string) (endpoint, error) {
	if host := env("DOCKER_HOST"); host != "" {
		return endpoint{host: host, tls: envTLS(env)}, nil
	}
	dir := env("DOCKER_CONFIG")
	if dir == "" {
		dir = config.Dir()
	}
	name := env("DOCKER_CONTEXT")
	if name == "" {
		cfg, err := config.Load(dir)
		if err != nil {
			return endpoint{}, fmt.Errorf("reading the docker configuration in %s: %w", dir, err)
		}
		name = cfg.CurrentContext
	}
	if name == "" || name == "default" {
		return endpoint{host: client.DefaultDockerHost, tls: envTLS(env)}, nil
	}
	return contextEndpoint(dir, name)
}

// envTLS reads DOCKER_CERT_PATH and DOCKER_TLS_VERIFY as the docker command does.
func envTLS(env func(string) string) *tlsFiles {
	dir := env("DOCKER_CERT_PATH")
	if dir == "" {
		return nil
	}
	t := tlsFilesIn(dir)
	t.skipVerify = env("DOCKER_TLS_VERIFY") == ""
	return t
}

// contextEndpoint reads a context that the docker command stored. Its folder is named by the digest of its name.
func contextEndpoint(dir, name string) (endpoint, error) {
	sum := sha256.Sum256([]byte(name))
	id := hex.EncodeToString(sum[:])
	file := filepath.Join(dir, "contexts", "meta", id, "meta.json")
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return endpoint{}, fmt.Errorf("there is no docker context %q: see `docker context ls`, and set DOCKER_CONTEXT "+
			"or DOCKER_HOST", name)
	}
	if err != nil {
		return endpoint{}, fmt.Errorf("reading docker context %q: %w", name, err)
	}
	var meta struct {
		Endpoints map[string]struct {
			Host          string
			SkipTLSVerify bool
		}
	}
	if err := json.Unmarshal(raw, &meta); err != nil {
		return endpoint{}, fmt.Errorf("reading docker context %q: %s: %w", name, file, err)
	}
	at, ok := meta.Endpoints["docker"]
	if !ok {
		return endpoint{}, fmt.Errorf("docker context %q has no docker endpoint: choose another by DOCKER_CONTEXT", name)
	}
	if at.Host == "" {
		at.Host = client.DefaultDockerHost
	}
	files := tlsFilesIn(filepath.Join(dir, "contexts", "tls", id, "docker"))
	files.skipVerify = at.SkipTLSVerify
	if files.ca == "" && files.cert == "" && !files.skipVerify {
		return endpoint{host: at.Host}, nil
	}
	return endpoint{host: at.Host, tls: files}, nil
}

func tlsFilesIn(dir string) *tlsFiles {
	there := func(name string) string {
		file := filepath.Join(dir, name)
		if _, err := os.Stat(file); err != nil {
			return ""
		}
		return file
	}
	return &tlsFiles{ca: there("ca.pem"), cert: there("cert.pem"), key: there("key.pem")}
}

func tlsClient(where endpoint) (*http.Client, error) {
	cfg, err := tlsconfig.Client(tlsconfig.Options{
		CAFile: where.tls.ca, CertFile: where.tls.cert, KeyFile: where.tls.key,
		InsecureSkipVerify: where.tls.skipVerify, ExclusiveRootPools: true, MinVersion: tls.VersionTLS12,
	})
	if err != nil {
		return nil, fmt.Errorf("reading the TLS files: %w", err)
	}
	u, err := url.Parse(where.host)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: cfg}
	if err := sockets.ConfigureTransport(transport, u.Scheme, u.Host); err != nil {
		return nil, err
	}
	return &http.Client{Transport: transport, CheckRedirect: client.CheckRedirect}, nil
}
