package kube

import (
	"context"
	"errors"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// Resource returns the resource of an object's kind, for the kinds of Kubernetes itself that live in a namespace: their
// plural is regular. ok is false for other groups.
func Resource(o *unstructured.Unstructured) (r schema.GroupVersionResource, ok bool) {
	kind := o.GroupVersionKind()
	switch kind.Group {
	case "", "apps", "batch":
		return kind.GroupVersion().WithResource(strings.ToLower(kind.Kind) + "s"), true
	}
	return schema.GroupVersionResource{}, false
}

// Create creates an object of a kind that Resource knows, with the label of the run. A refused object is a *Refusal. With
// dryRun the API server only says whether it would take the object.
func (n *Namespace) Create(ctx context.Context, o *unstructured.Unstructured, dryRun bool) error {
	resource, ok := Resource(o)
	if !ok {
		return fmt.Errorf("creating %s %s: the kind is none of Kubernetes itself", o.GetKind(), o.GetName())
	}
	api, err := dynamic.NewForConfig(n.client.Config)
	if err != nil {
		return &ConfigError{Err: err}
	}
	o = o.DeepCopy()
	o.SetNamespace(n.Name)
	labels := o.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[LabelRun] = n.RunID
	o.SetLabels(labels)
	options := metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict}
	if dryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	_, err = api.Resource(resource).Namespace(n.Name).Create(ctx, o, options)
	return n.client.refused(ctx, err, Access{Verb: "create", Group: resource.Group, Resource: resource.Resource, Namespace: n.Name})
}

// Client returns the connection to the namespace's cluster.
func (n *Namespace) Client() *Client { return n.client }

// Require returns a *Refusal for the first of some requests that the user has no right to. It asks before any is made: a
// connection for commands or ports that is refused says less.
func (c *Client) Require(ctx context.Context, requests ...Access) error {
	for _, a := range requests {
		if c.lacks(ctx, a) {
			return &Refusal{Kind: NotPermitted, Access: a, Err: errNoRight}
		}
	}
	return nil
}

var errNoRight = errors.New("a review of the user's rights denies it")
