package clustertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// errNoProgram refuses the connections of commands in containers, in the words of a runtime.
var errNoProgram = errors.New(`exec failed: executable file not found in $PATH`)

// ToRESTConfig implements kube.Config.
func (c *Cluster) ToRESTConfig() (*rest.Config, error) {
	return &rest.Config{
		Host: "http://simulated.test", Transport: c, Proxy: func(*http.Request) (*url.URL, error) { return nil, errNoProgram },
		ContentConfig: rest.ContentConfig{ContentType: "application/json"},
	}, nil
}

// ToRawKubeConfigLoader implements kube.Config.
func (c *Cluster) ToRawKubeConfigLoader() clientcmd.ClientConfig {
	config := clientcmdapi.NewConfig()
	config.Clusters["simulated"] = &clientcmdapi.Cluster{Server: "http://simulated.test"}
	config.Contexts["simulated"] = &clientcmdapi.Context{Cluster: "simulated"}
	config.CurrentContext = "simulated"
	return clientcmd.NewDefaultClientConfig(*config, nil)
}

// call is one request: /api/v1/namespaces/NAMESPACE/RESOURCE/NAME/SUB.
type call struct {
	*http.Request
	namespace, resource, name, sub string
	body                           []byte
}

// RoundTrip implements http.RoundTripper: it answers a request to the API server.
func (c *Cluster) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, context.Cause(r.Context())
	}
	words := append(strings.Split(strings.TrimPrefix(r.URL.Path, "/api/v1/namespaces"), "/"), "", "", "", "")
	one := call{Request: r, namespace: words[1], resource: words[2], name: words[3], sub: words[4]}
	if r.Body != nil {
		one.body, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Requests[one.verb()]++
	switch {
	case strings.HasPrefix(r.URL.Path, "/apis/authorization.k8s.io/"):
		return answer(http.StatusCreated, authorizationv1.SelfSubjectAccessReview{Status: authorizationv1.SubjectAccessReviewStatus{Allowed: true}})
	case one.resource == "pods" && one.sub == "log":
		return c.log(one)
	case one.resource == "pods":
		return c.answerPods(one)
	case one.resource == "":
		return c.answerNamespace(one)
	}
	if len(one.body) == 0 {
		return answer(http.StatusOK, metav1.Status{Status: metav1.StatusSuccess})
	}
	return answer(http.StatusOK, json.RawMessage(one.body)) // secrets, service accounts: nothing reads them again
}

// verb returns the request in the words of RBAC: "create pods".
func (r call) verb() string {
	resource := r.resource
	if resource == "" {
		resource = "namespaces"
	}
	if r.sub != "" {
		return "get " + resource + "/" + r.sub
	}
	verb := map[string]string{http.MethodPost: "create", http.MethodPut: "update", http.MethodPatch: "patch", http.MethodDelete: "delete", http.MethodGet: "list"}[r.Method]
	if r.URL.Query().Get("watch") != "" {
		verb = "watch"
	}
	return verb + " " + resource
}

func (c *Cluster) answerNamespace(r call) (*http.Response, error) {
	var n corev1.Namespace
	_ = json.Unmarshal(r.body, &n)
	switch r.Method {
	case http.MethodPost:
		c.namespaces[n.Name] = true
	case http.MethodDelete:
		delete(c.namespaces, r.namespace)
		for key, p := range c.pods {
			if key.namespace == r.namespace {
				c.end(p)
			}
		}
	}
	return answer(http.StatusOK, n)
}

func (c *Cluster) answerPods(r call) (*http.Response, error) {
	p := c.pods[podName{r.namespace, r.name}]
	switch {
	case r.Method == http.MethodPost:
		made := &corev1.Pod{}
		if err := json.Unmarshal(r.body, made); err != nil {
			return nil, err
		}
		if c.opts.Refuse != nil {
			if why := c.opts.Refuse(made); why != "" {
				return refuse(http.StatusForbidden, metav1.StatusReasonForbidden, why)
			}
		}
		return answer(http.StatusCreated, typed(c.create(made)))
	case r.Method == http.MethodGet && r.URL.Query().Get("watch") != "":
		return c.watch(r)
	case r.Method == http.MethodGet:
		return c.list(r)
	case p == nil:
		return refuse(http.StatusNotFound, metav1.StatusReasonNotFound, "not found")
	case r.Method == http.MethodDelete:
		c.remove(p)
	case r.Method == http.MethodPatch:
		var change corev1.Pod
		if err := json.Unmarshal(r.body, &change); err != nil {
			return nil, err
		}
		for _, one := range change.Spec.Containers {
			c.restart(p, one.Name, one.Image)
		}
	}
	return answer(http.StatusOK, typed(p))
}

// followed returns what a list or a watch is about.
func (r call) followed() watched {
	_, run, _ := strings.Cut(r.URL.Query().Get("labelSelector"), "=")
	return watched{r.namespace, run}
}

func (c *Cluster) list(r call) (*http.Response, error) {
	list := corev1.PodList{ListMeta: metav1.ListMeta{ResourceVersion: strconv.FormatInt(c.version, 10)}}
	list.Kind, list.APIVersion = "PodList", "v1"
	for _, p := range c.pods {
		if r.followed().shows(p) {
			list.Items = append(list.Items, *p.Pod)
		}
	}
	return answer(http.StatusOK, list)
}

// watch answers with a stream of changes, the first of them those since the version of the request.
func (c *Cluster) watch(r call) (*http.Response, error) {
	if r.URL.Query().Get("sendInitialEvents") == "true" {
		return refuse(http.StatusUnprocessableEntity, metav1.StatusReasonInvalid, "sendInitialEvents is not known")
	}
	s, w := newStream(), r.followed()
	since, _ := strconv.ParseInt(r.URL.Query().Get("resourceVersion"), 10, 64)
	for _, p := range c.pods {
		if version, _ := strconv.ParseInt(p.ResourceVersion, 10, 64); w.shows(p) && version > since {
			s.write(encode(map[string]any{"type": "ADDED", "object": typed(p)}))
		}
	}
	c.watches[s] = w
	context.AfterFunc(r.Context(), func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.watches, s)
		s.finish()
	})
	return respond(http.StatusOK, s), nil
}

func (c *Cluster) log(r call) (*http.Response, error) {
	p := c.pods[podName{r.namespace, r.name}]
	if p == nil {
		return refuse(http.StatusNotFound, metav1.StatusReasonNotFound, "not found")
	}
	s := newStream()
	s.write([]byte(c.opts.Logs))
	if r.URL.Query().Get("follow") == "" {
		s.finish()
		return respond(http.StatusOK, s), nil
	}
	p.logs = append(p.logs, s)
	context.AfterFunc(r.Context(), s.finish)
	return respond(http.StatusOK, s), nil
}

// typed returns a pod with its kind, which a decoder needs.
func typed(p *pod) *corev1.Pod {
	p.Kind, p.APIVersion = "Pod", "v1"
	return p.Pod
}

func encode(o any) []byte {
	text, err := json.Marshal(o)
	if err != nil {
		panic(err) //nolint:forbidigo // the objects are those of the API
	}
	return text
}

func answer(code int, o any) (*http.Response, error) {
	return respond(code, io.NopCloser(bytes.NewReader(encode(o)))), nil
}

func refuse(code int, reason metav1.StatusReason, why string) (*http.Response, error) {
	status := metav1.Status{Status: metav1.StatusFailure, Code: int32(code), Reason: reason, Message: why} //nolint:gosec // a status code
	status.Kind, status.APIVersion = "Status", "v1"
	return answer(code, status)
}

func respond(code int, body io.ReadCloser) *http.Response {
	return &http.Response{StatusCode: code, Status: http.StatusText(code), ProtoMajor: 1, ProtoMinor: 1, Body: body, Header: http.Header{"Content-Type": {"application/json"}}}
}
