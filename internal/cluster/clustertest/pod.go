package clustertest

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

type podName struct{ namespace, name string }

// pod is a pod of the cluster.
type pod struct {
	*corev1.Pod
	node   int // -1 while it has none
	memory int64
	gone   bool
	logs   []*stream // that follow its present start
}

func (p *pod) key() podName { return podName{p.Namespace, p.Name} }

// create adds a pod, which starts as soon as it fits on a node. The lock is held.
func (c *Cluster) create(from *corev1.Pod) *pod {
	p := &pod{Pod: from, node: -1, memory: requested(from.Spec)}
	p.Status.Phase = corev1.PodPending
	p.UID = "uid"
	c.pods[p.key()] = p
	c.stats.Pods++
	c.changed("ADDED", p)
	if !c.place(p) {
		c.stats.Queued++
		p.Status.Conditions = []corev1.PodCondition{{
			Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable,
			Message: fmt.Sprintf("0/%d nodes are available: %d Insufficient memory.", len(c.nodes), len(c.nodes)),
		}}
		c.changed("MODIFIED", p)
		c.pending = append(c.pending, p)
		return p
	}
	c.bind(p)
	return p
}

// bind starts a pod that has got a node. The lock is held.
func (c *Cluster) bind(p *pod) {
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}}
	c.changed("MODIFIED", p)
	c.after(c.opts.Start(), p, func() {
		p.Status.Phase, p.Status.PodIP = corev1.PodRunning, fmt.Sprintf("10.0.%d.%d", c.stats.Pods/250, 1+c.stats.Pods%250)
		for _, one := range p.Spec.InitContainers {
			p.Status.InitContainerStatuses = append(p.Status.InitContainerStatuses, corev1.ContainerStatus{
				Name: one.Name, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed"}},
			})
		}
		for _, one := range p.Spec.Containers {
			p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{
				Name: one.Name, Image: one.Image, ImageID: one.Image + "-id", Ready: true, ContainerID: "simulated://1",
				State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
			})
		}
		c.changed("MODIFIED", p)
	})
}

// after changes a pod after a time, unless it is gone by then. The lock is held, and so it is in do.
func (c *Cluster) after(delay time.Duration, p *pod, do func()) {
	time.AfterFunc(delay, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !p.gone {
			do()
		}
	})
}

// remove deletes a pod, which ends after a while. The lock is held.
func (c *Cluster) remove(p *pod) {
	if p.DeletionTimestamp != nil {
		return
	}
	now := metav1.Now()
	p.DeletionTimestamp = &now
	c.changed("MODIFIED", p)
	if p.node < 0 {
		c.end(p)
		return
	}
	c.after(c.opts.Stop(), p, func() { c.end(p) })
}

// end ends a pod. The lock is held.
func (c *Cluster) end(p *pod) {
	for i := range p.Status.ContainerStatuses {
		p.Status.ContainerStatuses[i].State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 143, Reason: "Error"}}
	}
	p.gone = true
	c.release(p)
	delete(c.pods, p.key())
	c.pending = slices.DeleteFunc(c.pending, func(o *pod) bool { return o == p })
	c.changed("DELETED", p)
	p.endLogs()
	waiting := c.pending
	c.schedule()
	for _, o := range waiting {
		if o.node >= 0 {
			c.bind(o)
		}
	}
}

// restart restarts a container under another name of its image. The lock is held.
func (c *Cluster) restart(p *pod, container, image string) {
	for i := range p.Spec.Containers {
		if p.Spec.Containers[i].Name == container {
			p.Spec.Containers[i].Image = image
		}
	}
	c.changed("MODIFIED", p)
	c.after(c.opts.Restart(), p, func() {
		p.endLogs()
		for i := range p.Status.ContainerStatuses {
			s := &p.Status.ContainerStatuses[i]
			if s.Name == container {
				s.RestartCount++
				s.LastTerminationState = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 143, Reason: "Error"}}
			}
		}
		c.changed("MODIFIED", p)
	})
}

func (p *pod) endLogs() {
	for _, s := range p.logs {
		s.finish()
	}
	p.logs = nil
}

// changed gives a pod a new version and shows it to the watches. The lock is held.
func (c *Cluster) changed(event string, p *pod) {
	c.version++
	p.ResourceVersion = strconv.FormatInt(c.version, 10)
	var text []byte
	for s, w := range c.watches {
		if !w.shows(p) {
			continue
		}
		if text == nil {
			text = encode(map[string]any{"type": event, "object": typed(p)})
		}
		s.write(text)
	}
}

// watched is what a watch follows.
type watched struct{ namespace, run string }

func (w watched) shows(p *pod) bool {
	return p.Namespace == w.namespace && p.Labels["podseal"] == w.run
}
