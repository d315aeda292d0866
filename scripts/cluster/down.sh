#!/usr/bin/env bash
# down.sh: ends what up.sh started, and removes what it made. The binaries stay.
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/settings.sh"
[ -f "$PIDS" ] || exit 0

# stop NAME: ends a process that up.sh recorded, if the process of that number is still the same one.
stop() {
  local pid
  for pid in $(awk -v name="$1" '$1 == name {print $2}' "$PIDS"); do
    grep -qsF -- "$CLUSTER_DIR" "/proc/$pid/cmdline" || continue
    kill "$pid"
    for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    ! kill -0 "$pid" 2>/dev/null || kill -KILL "$pid"
  done
}

containers() {
  local task
  c() { timeout 20 ctr --address "$CONTAINERD" --namespace k8s.io "$@"; }
  for task in $(c tasks ls -q 2>/dev/null); do c tasks kill --all --signal SIGKILL "$task" 2>/dev/null; done
  for _ in $(seq 50); do
    for task in $(c tasks ls -q 2>/dev/null); do c tasks rm --force "$task" >/dev/null 2>&1; done
    [ -n "$(c tasks ls -q 2>/dev/null)" ] || return 0
    sleep 0.1
  done
}

# shims ends the processes that containerd leaves behind for its containers.
shims() {
  local file
  for file in /proc/[0-9]*/cmdline; do
    { tr '\0' ' ' <"$file" | grep -q -- "containerd-shim.* -address $CONTAINERD" && kill "$(basename "$(dirname "$file")")"; } 2>/dev/null
  done
}

for name in kubelet scheduler controllers; do stop "$name"; done
containers
for name in containerd apiserver etcd; do stop "$name"; done
shims
awk -v dir="$CLUSTER_DIR/" 'index($5, dir) == 1 {print $5}' /proc/self/mountinfo | sort -r | while read -r mount; do umount -l "$mount"; done
ip netns del "$CLUSTER_NETNS" 2>/dev/null # the link to it goes as well
[ ! -f "$RUN/sysctl.conf" ] || sysctl -q -p "$RUN/sysctl.conf"
for dir in "/sys/fs/cgroup$CGROUP" /sys/fs/cgroup/*"$CGROUP"; do
  [ ! -d "$dir" ] || find "$dir" -depth -type d -exec rmdir {} + 2>/dev/null
done
find /var/log/containers -lname "$LOGS/*" -delete 2>/dev/null
rm -f /var/lib/cni/results/podseal-cluster-*
rm -rf "$RUN" "$PKI" "$LOGS" "$CLUSTER_DIR"/{kubelet,containerd,etcd,cni}
say "the cluster is down"
