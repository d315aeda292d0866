// Package kube does what podseal needs of a Kubernetes API server: namespaces that belong to a run, pods that are followed
// by one watch, logs, commands in containers, forwarded ports, and errors that say what to do.
package kube

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
)

// Config finds a cluster. *genericclioptions.ConfigFlags is one, with kubectl's flags and rules.
type Config interface {
	ToRESTConfig() (*rest.Config, error)
	ToRawKubeConfigLoader() clientcmd.ClientConfig
}

// Client is a connection to one API server.
type Client struct {
	API    kubernetes.Interface
	Config *rest.Config
	// Context is the name of the kubeconfig's context; empty inside a cluster.
	Context string
	// Namespace is the user's: that of the flag -n, else that of the context, else "default".
	Namespace string
	// Named is true if the user named the namespace with a flag.
	Named bool
}

// The limits of requests to the API server. client-go's own are made for controllers, which make few. A run of one target
// stays far below these; many targets on many nodes reach them (see TestThroughput of package batch). Commands in
// containers and forwarded ports do not count.
const (
	requestsPerSecond = 200
	requestBurst      = 300
)

// quietOnce keeps what client-go would log out of the terminal: it repeats errors that are returned as well.
var quietOnce sync.Once

// Connect reads the kubeconfig. It makes no request.
func Connect(from Config) (*Client, error) {
	quietOnce.Do(func() {
		klog.SetSlogLogger(slog.New(slog.DiscardHandler))
	})
	loader := from.ToRawKubeConfigLoader()
	config, err := from.ToRESTConfig()
	if err != nil {
		return nil, &ConfigError{Err: err, Malformed: malformed(loader.ConfigAccess().GetLoadingPrecedence())}
	}
	config = rest.CopyConfig(config)
	config.QPS, config.Burst, config.UserAgent = requestsPerSecond, requestBurst, "podseal"
	c := &Client{Config: config}
	if c.Namespace, c.Named, err = loader.Namespace(); err != nil {
		return nil, &ConfigError{Err: err}
	}
	raw, err := loader.RawConfig()
	if err == nil {
		c.Context = raw.CurrentContext
	}
	if err == nil && len(raw.Clusters) == 0 && config.Host == nowhere {
		return nil, &ConfigError{Err: noCluster(loader.ConfigAccess().GetLoadingPrecedence())}
	}
	if c.API, err = kubernetes.NewForConfig(config); err != nil {
		return nil, &ConfigError{Err: err}
	}
	return c, nil
}

// nowhere is the address that kubectl's rules give a cluster without a kubeconfig.
const nowhere = "http://localhost:8080"

var errNoCluster = errors.New("it names no cluster")

// noCluster returns why the files of a kubeconfig name no cluster. client-go skips files that do not exist.
func noCluster(files []string) error {
	for _, name := range files {
		if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
			return errNoCluster
		}
	}
	if len(files) == 0 {
		return errNoCluster
	}
	return fmt.Errorf("no such file: %s", strings.Join(files, ", "))
}

// malformed returns the first file of a kubeconfig that can be read, and is not one; empty if there is none.
func malformed(files []string) string {
	for _, name := range files {
		if text, err := os.ReadFile(name); err == nil {
			if _, err := clientcmd.Load(text); err != nil {
				return name
			}
		}
	}
	return ""
}

// ConfigError is a kubeconfig that names no usable cluster.
type ConfigError struct {
	Err       error
	Malformed string // the file that is no kubeconfig; empty for another reason
}

// Error returns the reason in one sentence. The names of Go types in Err are left out.
func (e *ConfigError) Error() string {
	if e.Malformed != "" {
		return fmt.Sprintf("%s is not a kubeconfig: correct it until kubectl config view --kubeconfig %s prints it, or name another one with --kubeconfig", e.Malformed, e.Malformed)
	}
	return fmt.Sprintf("reading the kubeconfig: %v: name a cluster with --kubeconfig and --context", e.Err)
}

// Unwrap returns the error of client-go.
func (e *ConfigError) Unwrap() error { return e.Err }

// String returns how messages name the cluster.
func (c *Client) String() string {
	if c.Context == "" {
		return c.Config.Host
	}
	return "context " + c.Context + " (" + c.Config.Host + ")"
}
