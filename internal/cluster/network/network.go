// Package network keeps which pods of a run reach each other by names. A cluster has one network for all pods: those of one
// run get the addresses of the pods that started before them as lines of /etc/hosts.
package network

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"sync"

	corev1 "k8s.io/api/core/v1"
)

// Networks are the networks of a run. It implements needs.Networks. The zero value is empty.
type Networks struct {
	mu    sync.Mutex
	count int
	all   map[string]map[string]netip.Addr // addresses of pods, by networks and names
}

// CreateNetwork makes an empty network.
func (n *Networks) CreateNetwork(_ context.Context, purpose string) (name string, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.all == nil {
		n.all = map[string]map[string]netip.Addr{}
	}
	n.count++
	name = strconv.Itoa(n.count) + "-" + purpose
	n.all[name] = map[string]netip.Addr{}
	return name, nil
}

// RemoveNetwork forgets a network.
func (n *Networks) RemoveNetwork(_ context.Context, name string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.all, name)
	return nil
}

// NetworkAddresses returns the addresses of the pods of a network, by their names.
func (n *Networks) NetworkAddresses(_ context.Context, name string) (map[string][]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := map[string][]netip.Addr{}
	for pod, address := range n.all[name] {
		out[pod] = []netip.Addr{address}
	}
	return out, nil
}

// Join adds a pod to a network, by its name there and its address. A network that was not made is left alone, and so is an
// address that is none.
func (n *Networks) Join(network, pod, address string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if parsed, err := netip.ParseAddr(address); err == nil && n.all[network] != nil {
		n.all[network][pod] = parsed
	}
}

// Hosts returns the lines of /etc/hosts for the next pod of a network, sorted by name.
func (n *Networks) Hosts(network string) []corev1.HostAlias {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []corev1.HostAlias
	for _, pod := range slices.Sorted(maps.Keys(n.all[network])) {
		out = append(out, corev1.HostAlias{IP: n.all[network][pod].String(), Hostnames: []string{pod}})
	}
	return out
}
