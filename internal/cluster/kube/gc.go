package kube

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Collected is what GC did: one description of each object, with the reason for each that it left.
type Collected struct {
	Removed []string
	Kept    []Kept
}

// Kept is an object that GC left.
type Kept struct{ Object, Reason string }

// unleasedAge is the age below which an object without a lease may belong to a live run.
const unleasedAge = time.Hour

// GC removes the namespaces of runs whose lease has ended, and the pods and secrets that runs left in the user's namespace if the
// user named it. all removes those of live runs as well, which then fail. It does not wait until they are gone.
func (c *Client) GC(ctx context.Context, all bool) (Collected, error) {
	var done Collected
	list, err := c.API.CoreV1().Namespaces().List(ctx, metav1.ListOptions{LabelSelector: LabelRun})
	if err != nil {
		return done, c.refused(ctx, err, Access{Verb: "list", Resource: "namespaces"})
	}
	var errs []error
	for _, n := range list.Items {
		if n.DeletionTimestamp != nil {
			continue // it is being removed
		}
		errs = append(errs, done.take("namespace "+n.Name, reasonToKeep(n.ObjectMeta, time.Now(), all), func() error {
			return (&Namespace{Name: n.Name, client: c, own: true}).Delete(ctx)
		}))
	}
	if c.Named {
		errs = append(errs, c.collectPods(ctx, &done, all))
	}
	return done, errors.Join(errs...)
}

// collectPods removes what runs left in the user's namespace.
func (c *Client) collectPods(ctx context.Context, done *Collected, all bool) error {
	pods, err := c.API.CoreV1().Pods(c.Namespace).List(ctx, metav1.ListOptions{LabelSelector: LabelRun})
	if err != nil {
		return c.refused(ctx, err, Access{Verb: "list", Resource: "pods", Namespace: c.Namespace})
	}
	var errs []error
	n := c.UseNamespace(c.Namespace, "")
	for _, p := range pods.Items {
		errs = append(errs, done.take("pod "+c.Namespace+"/"+p.Name, reasonToKeep(p.ObjectMeta, time.Now(), all), func() error {
			return n.DeletePod(ctx, p.Name, 0)
		}))
	}
	secrets, err := c.API.CoreV1().Secrets(c.Namespace).List(ctx, metav1.ListOptions{LabelSelector: LabelRun})
	if err != nil {
		return errors.Join(append(errs, c.refused(ctx, err, Access{Verb: "list", Resource: "secrets", Namespace: c.Namespace}))...)
	}
	for _, s := range secrets.Items {
		errs = append(errs, done.take("secret "+c.Namespace+"/"+s.Name, reasonToKeep(s.ObjectMeta, time.Now(), all), func() error {
			return n.DeleteSecret(ctx, s.Name)
		}))
	}
	return errors.Join(errs...)
}

// take removes an object unless there is a reason to keep it.
func (d *Collected) take(object, reason string, remove func() error) error {
	if reason != "" {
		d.Kept = append(d.Kept, Kept{Object: object, Reason: reason})
		return nil
	}
	if err := remove(); err != nil {
		return err
	}
	d.Removed = append(d.Removed, object)
	return nil
}

// reasonToKeep returns why an object may belong to a live run; "" if it does not. A lease that cannot be read counts as none.
func reasonToKeep(o metav1.ObjectMeta, now time.Time, all bool) string {
	until, err := time.Parse(time.RFC3339, o.Annotations[AnnotationLease])
	age := now.Sub(o.CreationTimestamp.Time)
	switch {
	case all:
		return ""
	case err == nil && until.After(now):
		return fmt.Sprintf("its run %s is alive, or ended less than %s ago (%s)", o.Labels[LabelRun], LeaseTime, orUnknown(o.Annotations[AnnotationOwner]))
	case err != nil && age < unleasedAge:
		return fmt.Sprintf("it is less than %s old and its run %s has no lease: it may be alive", unleasedAge, o.Labels[LabelRun])
	}
	return ""
}

func orUnknown(owner string) string {
	if owner == "" {
		return "owner unknown"
	}
	return owner
}
