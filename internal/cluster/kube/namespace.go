package kube

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// The label and the annotations of what a run makes in a cluster.
const (
	// LabelRun is the label with the run's id.
	LabelRun = "podseal"
	// AnnotationLease is the time (RFC 3339) until which the run has claimed a namespace. It is renewed while the run lives.
	AnnotationLease = "podseal.lease"
	// AnnotationOwner names the process of the run, for a person.
	AnnotationOwner = "podseal.owner"
)

// LeaseTime is how long a namespace is claimed after each renewal.
const LeaseTime = 15 * time.Minute

// Level is a level of the Pod Security Standards.
type Level string

// The levels of the Pod Security Standards.
const (
	Restricted Level = "restricted"
	Baseline   Level = "baseline"
	Privileged Level = "privileged"
)

// levelLabel is the label by which a namespace enforces a level. Without a version it is the API server's own.
const levelLabel = "pod-security.kubernetes.io/enforce"

// NewRunID returns the id of a new run: ten hexadecimal digits.
func NewRunID() string {
	id := make([]byte, 5)
	_, _ = rand.Read(id) // never fails
	return hex.EncodeToString(id)
}

// Namespace is a namespace that pods of a run are in.
type Namespace struct {
	Name  string
	RunID string
	Level Level // that it was made with; empty for one of the user

	client *Client
	own    bool // made by the run, and removed with it
}

// CreateNamespace creates a namespace of a run that enforces a level of Pod Security, with a service account that pulls
// images with the given secrets of the user's namespace. A refused request is a *Refusal.
func (c *Client) CreateNamespace(ctx context.Context, runID, purpose string, level Level, pullSecrets []string) (*Namespace, error) {
	n := &Namespace{Name: "podseal-" + runID + "-" + purpose, RunID: runID, Level: level, client: c, own: true}
	_, err := c.API.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name:        n.Name,
		Labels:      map[string]string{LabelRun: runID, levelLabel: string(level)},
		Annotations: map[string]string{AnnotationLease: lease(time.Now()), AnnotationOwner: owner()},
	}}, metav1.CreateOptions{})
	if err != nil {
		return nil, c.refused(ctx, err, Access{Verb: "create", Resource: "namespaces"})
	}
	if err := n.serviceAccount(ctx, pullSecrets); err != nil {
		return n, err
	}
	return n, nil
}

// UseNamespace returns a namespace that exists and that is not removed with the run.
func (c *Client) UseNamespace(name, runID string) *Namespace {
	return &Namespace{Name: name, RunID: runID, client: c}
}

// serviceAccount makes the account that pods run as by default: the controller that makes it otherwise takes a moment,
// during which no pod is admitted.
func (n *Namespace) serviceAccount(ctx context.Context, pullSecrets []string) error {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default", Labels: n.Labels()}}
	for _, name := range pullSecrets {
		if err := n.copySecret(ctx, name); err != nil {
			return err
		}
		account.ImagePullSecrets = append(account.ImagePullSecrets, corev1.LocalObjectReference{Name: name})
	}
	accounts := n.client.API.CoreV1().ServiceAccounts(n.Name)
	_, err := accounts.Create(ctx, account, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) && len(pullSecrets) > 0 {
		_, err = accounts.Update(ctx, account, metav1.UpdateOptions{})
		return n.client.refused(ctx, err, Access{Verb: "update", Resource: "serviceaccounts", Namespace: n.Name})
	}
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return n.client.refused(ctx, err, Access{Verb: "create", Resource: "serviceaccounts", Namespace: n.Name})
}

// copySecret copies an image pull secret of the user's namespace.
func (n *Namespace) copySecret(ctx context.Context, name string) error {
	from := n.client.Namespace
	s, err := n.client.API.CoreV1().Secrets(from).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("copying image pull secret %s: namespace %s has no such secret: name its namespace with -n", name, from)
	}
	if err != nil {
		return n.client.refused(ctx, err, Access{Verb: "get", Resource: "secrets", Namespace: from})
	}
	copied := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: n.Labels()}, Type: s.Type, Data: s.Data}
	_, err = n.client.API.CoreV1().Secrets(n.Name).Create(ctx, copied, metav1.CreateOptions{})
	return n.client.refused(ctx, err, Access{Verb: "create", Resource: "secrets", Namespace: n.Name})
}

// Labels returns the labels of what the run makes.
func (n *Namespace) Labels() map[string]string { return map[string]string{LabelRun: n.RunID} }

// Renew extends the claim of the run.
func (n *Namespace) Renew(ctx context.Context) error {
	if !n.own {
		return nil
	}
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, AnnotationLease, lease(time.Now()))
	_, err := n.client.API.CoreV1().Namespaces().Patch(ctx, n.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	return n.client.refused(ctx, err, Access{Verb: "patch", Resource: "namespaces"})
}

// Delete removes the namespace, if the run made it, and else the pods of the run in it. It does not wait until a
// namespace is gone: the API server finishes by itself.
func (n *Namespace) Delete(ctx context.Context) error {
	if !n.own {
		return n.deletePods(ctx)
	}
	err := n.client.API.CoreV1().Namespaces().Delete(ctx, n.Name, metav1.DeleteOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) { // a conflict: it is being removed
		return nil
	}
	return n.client.refused(ctx, err, Access{Verb: "delete", Resource: "namespaces"})
}

// deletePods removes the pods and secrets of the run from a namespace of the user.
func (n *Namespace) deletePods(ctx context.Context) error {
	of := metav1.ListOptions{LabelSelector: LabelRun + "=" + n.RunID}
	now := int64(0)
	err := n.client.API.CoreV1().Pods(n.Name).DeleteCollection(ctx, metav1.DeleteOptions{GracePeriodSeconds: &now}, of)
	if err != nil {
		return n.client.refused(ctx, err, Access{Verb: "deletecollection", Resource: "pods", Namespace: n.Name})
	}
	err = n.client.API.CoreV1().Secrets(n.Name).DeleteCollection(ctx, metav1.DeleteOptions{}, of)
	return n.client.refused(ctx, err, Access{Verb: "deletecollection", Resource: "secrets", Namespace: n.Name})
}

func lease(now time.Time) string { return now.Add(LeaseTime).UTC().Format(time.RFC3339) }

// owner names this process.
func owner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return fmt.Sprintf("process %d on %s", os.Getpid(), host)
}
