#!/usr/bin/env bash
# up.sh: starts etcd, the control plane (with Pod Security Admission and RBAC), containerd and a kubelet on this machine, in a
# network namespace. Prints the KUBECONFIG to use. down.sh ends and removes it all. Run build.sh first.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/settings.sh"
. "$(dirname "${BASH_SOURCE[0]}")/certificates.sh"
check_machine
[ ! -s "$PIDS" ] || die "the cluster is up already (see $PIDS): down.sh ends it"
[ -x "$CLUSTER_BIN/kubelet" ] || die "there is no kubelet in $CLUSTER_BIN: run $(dirname "$0")/build.sh first"
mkdir -p "$RUN" "$PKI" "$LOGS" "$CLUSTER_DIR"/{kubelet,containerd,etcd,cni}
: > "$PIDS"
chmod 0700 "$PKI"

# start NAME COMMAND...: starts a process in the namespace and records it.
start() {
  local name=$1
  shift
  setsid nsenter --net="/run/netns/$CLUSTER_NETNS" "$@" >"$LOGS/$name.log" 2>&1 </dev/null &
  echo "$name $!" >> "$PIDS"
}

# await NAME COMMAND...: waits for up to two minutes until a command exits 0.
await() {
  local name=$1 pid
  shift
  pid=$(awk -v name="$name" '$1 == name {print $2}' "$PIDS")
  for _ in $(seq 600); do
    ! "$@" >/dev/null 2>&1 || return 0
    [ -z "$pid" ] || kill -0 "$pid" 2>/dev/null || break
    sleep 0.2
  done
  tail -n 20 "$LOGS/$name.log" >&2
  die "$name did not become ready: see $LOGS/$name.log; down.sh removes what was started"
}

api() { curl -fsS --cacert "$PKI/ca.crt" --cert "$PKI/admin.crt" --key "$PKI/admin.key" "https://$NODE_IP:6443$1"; }
node_ready() { api "/api/v1/nodes/$NODE/status" | tr -d ' \n' | grep -q '"reason":"KubeletReady"'; }

network() {
  ip netns add "$CLUSTER_NETNS"
  ip link add "$HOST_LINK" type veth peer name "$NODE_LINK" netns "$CLUSTER_NETNS"
  ip addr add "$HOST_IP/30" dev "$HOST_LINK"
  ip link set "$HOST_LINK" up
  in_node ip link set lo up
  in_node ip addr add "$NODE_IP/30" dev "$NODE_LINK"
  in_node ip link set "$NODE_LINK" up
  in_node ip route add default via "$HOST_IP"
  in_node sysctl -qw net.ipv4.ip_forward=1
  cat > "$CLUSTER_DIR/cni/10-bridge.conflist" <<J
{"cniVersion": "1.0.0", "name": "podseal-cluster", "plugins": [{"type": "bridge", "bridge": "pods0", "isGateway": true,
 "hairpinMode": true, "ipam": {"type": "host-local", "dataDir": "$RUN/addresses", "ranges": [[{"subnet": "$POD_RANGE"}]],
 "routes": [{"dst": "0.0.0.0/0"}]}}]}
J
}

runtime() {
  cat > "$RUN/containerd.toml" <<C
version = 2
root = "$CLUSTER_DIR/containerd/root"
state = "$CLUSTER_DIR/containerd/state"
[grpc]
  address = "$CONTAINERD"
[plugins."io.containerd.internal.v1.opt"]
  path = "$CLUSTER_DIR/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$PAUSE_IMAGE"
  restrict_oom_score_adj = true # where root may not lower a score
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$(plugins)"
    conf_dir = "$CLUSTER_DIR/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
      Root = "$RUN/runc"
C
  start containerd containerd --config "$RUN/containerd.toml"
  await containerd ctr --address "$CONTAINERD" version
  images import "$CLUSTER_DIR/images/pause.tar" >/dev/null
}

plugins() { [ -d "$CLUSTER_BIN/cni" ] && echo "$CLUSTER_BIN/cni" || echo "$CLUSTER_DIR/bin/cni"; }

control_plane() {
  start etcd "$CLUSTER_BIN/etcd" --unsafe-no-fsync --log-level warn --data-dir "$CLUSTER_DIR/etcd/data"
  await etcd in_node curl -fsS http://127.0.0.1:2379/health
  start apiserver "$CLUSTER_BIN/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 --secure-port=6443 --advertise-address="$NODE_IP" \
    --tls-cert-file="$PKI/apiserver.crt" --tls-private-key-file="$PKI/apiserver.key" --client-ca-file="$PKI/ca.crt" \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --service-cluster-ip-range="$SERVICE_RANGE" \
    --kubelet-client-certificate="$PKI/to-kubelet.crt" --kubelet-client-key="$PKI/to-kubelet.key" \
    --kubelet-certificate-authority="$PKI/ca.crt" --kubelet-preferred-address-types=InternalIP \
    --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$PKI/tokens.pub" --service-account-signing-key-file="$PKI/tokens.key"
  await apiserver api /readyz
  start controllers "$CLUSTER_BIN/kube-controller-manager" --kubeconfig="$PKI/controllers.kubeconfig" --use-service-account-credentials=true \
    --leader-elect=false --service-account-private-key-file="$PKI/tokens.key" --root-ca-file="$PKI/ca.crt" --bind-address=127.0.0.1
  start scheduler "$CLUSTER_BIN/kube-scheduler" --kubeconfig="$PKI/scheduler.kubeconfig" --leader-elect=false --bind-address=127.0.0.1
}

# cgroups makes the cgroup of all pods: another kubelet on this machine would remove those that it does not know.
cgroups() {
  if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
    mkdir -p "/sys/fs/cgroup$CGROUP"
    return
  fi
  local controller
  for controller in /sys/fs/cgroup/*/; do
    mkdir -p "$controller$CGROUP"
    [ ! -f "$controller/cpuset.cpus" ] || for f in cpuset.cpus cpuset.mems; do cat "$controller/$f" > "$controller$CGROUP/$f"; done
  done
}

kubelet() {
  cgroups
  cat > "$RUN/kubelet.yaml" <<Y
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $PKI/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $PKI/kubelet-serving.crt
tlsPrivateKeyFile: $PKI/kubelet-serving.key
containerRuntimeEndpoint: unix://$CONTAINERD
cgroupDriver: cgroupfs
cgroupRoot: $CGROUP
failCgroupV1: false
failSwapOn: false
podLogsDir: $LOGS/pods
resolvConf: ""
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: {memory.available: 100Mi, nodefs.available: 100Mi}
healthzBindAddress: 127.0.0.1
Y
  start kubelet "$CLUSTER_BIN/kubelet" --config="$RUN/kubelet.yaml" --root-dir="$CLUSTER_DIR/kubelet" --cert-dir="$PKI" \
    --kubeconfig="$PKI/kubelet.kubeconfig" --hostname-override="$NODE" --node-ip="$NODE_IP"
  await kubelet node_ready
  await controllers api /api/v1/namespaces/default/serviceaccounts/default
}

# A kubelet sets these for the whole machine; down.sh sets them back.
for key in vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys kernel.keys.root_maxbytes; do
  printf '%s = %s\n' "$key" "$(sysctl -n "$key")"
done > "$RUN/sysctl.conf"
network
certificates
runtime
control_plane
kubelet
say "a cluster with one node is up in $SECONDS s"
echo "$CLUSTER_KUBECONFIG"
