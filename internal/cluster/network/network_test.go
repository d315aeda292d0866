package network

import (
	"fmt"
	"testing"
)

// TestNetworks: a pod reaches those of its network that started before it, and no others.
func TestNetworks(t *testing.T) {
	t.Parallel()
	var n Networks
	ctx := t.Context()
	first, _ := n.CreateNetwork(ctx, "network")
	second, _ := n.CreateNetwork(ctx, "network")
	n.Join(first, "db", "10.0.0.1")
	n.Join(first, "cache", "fd00::2")
	n.Join(first, "late", "")
	n.Join(second, "db", "10.0.0.3")
	n.Join("unknown", "db", "10.0.0.4")
	if got := fmt.Sprint(n.Hosts(first), n.Hosts(second), n.Hosts("")); got != "[{fd00::2 [cache]} {10.0.0.1 [db]}] [{10.0.0.3 [db]}] []" {
		t.Error(got)
	}
	found, _ := n.NetworkAddresses(ctx, first)
	if got := fmt.Sprint(found); got != "map[cache:[fd00::2] db:[10.0.0.1]]" {
		t.Error(got)
	}
	_ = n.RemoveNetwork(ctx, first)
	n.Join(first, "db", "10.0.0.1")
	if len(n.Hosts(first)) > 0 || len(n.all) != 1 {
		t.Errorf("left: %v", n.all)
	}
}
