# settings.sh: where the cluster for tests lives and how it is called. All of it is in CLUSTER_DIR and in a separate network
# namespace. Sourced by the other scripts of this folder.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
CLUSTER_DIR=${CLUSTER_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/podseal-cluster}
# CLUSTER_BIN may name a folder with binaries that were built elsewhere: kube-apiserver, kube-controller-manager, kube-scheduler,
# kubelet, etcd. The network plugins are expected in its folder cni.
CLUSTER_BIN=${CLUSTER_BIN:-$CLUSTER_DIR/bin}
CLUSTER_NETNS=${CLUSTER_NETNS:-podseal-cluster}

NODE=podseal-node
# A range for benchmarks, which no network uses. It ends at this machine: nothing is routed further.
CLUSTER_LINK=${CLUSTER_LINK:-198.18.63} # /30 of the link between this machine and the namespace
HOST_IP=$CLUSTER_LINK.1
NODE_IP=$CLUSTER_LINK.2
POD_RANGE=198.18.32.0/20
SERVICE_RANGE=198.18.48.0/24
SERVICE_IP=198.18.48.1 # of the API server
HOST_LINK=podseal-host
NODE_LINK=podseal-node
CGROUP=/podseal-cluster

RUN=$CLUSTER_DIR/run
PKI=$CLUSTER_DIR/pki
LOGS=$CLUSTER_DIR/log
PIDS=$RUN/pids
CONTAINERD=$RUN/containerd.sock
CLUSTER_KUBECONFIG=$PKI/admin.kubeconfig
PAUSE_IMAGE=podseal.test/pause:1

# The programs of the distribution: COMMAND PACKAGE.
PROGRAMS="containerd containerd
runc runc
iptables iptables
ip iproute2
nsenter util-linux
openssl openssl
curl curl
tar tar"

# ip netns exec would mount another /sys, without the cgroups.
in_node() { nsenter --net="/run/netns/$CLUSTER_NETNS" "$@"; }
images() { ctr --address "$CONTAINERD" --namespace k8s.io images "$@"; }

# check_machine refuses machines on which the cluster cannot run, and names what can be done instead.
check_machine() {
  local instead="give a cluster with KUBECONFIG=FILE make test-cluster instead"
  [ "$(uname -s)" = Linux ] || die "a kubelet runs on Linux only, this is $(uname -s): $instead"
  [ "$(id -u)" = 0 ] || die "a kubelet needs root: run this as root, or $instead"
  [ -w /proc/sys/net/ipv4/ip_forward ] || die "this machine does not let root change its network (a container without privileges?): $instead"
  local command package used
  while read -r command package; do need "$command" "$package"; done <<<"$PROGRAMS"
  used=$(ip -4 route show to match "$NODE_IP" | grep -v '^default' || true)
  [ -z "$used" ] || die "the address $NODE_IP is in use here ($used): give another range, like CLUSTER_LINK=10.255.255"
}
