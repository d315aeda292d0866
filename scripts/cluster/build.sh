#!/usr/bin/env bash
# build.sh: builds Kubernetes, etcd and three network plugins from their Go modules into CLUSTER_DIR/bin, and the image of the
# pods' first process. Kubernetes has the version of the API types in go.mod. On two cores the first build takes 10 to 25
# minutes and 10 GB of disk, most of it in Go's build cache; later ones take seconds.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/settings.sh"

PLUGINS=v1.9.1 # of github.com/containernetworking/plugins

types=$(cd "$ROOT" && go list -m -f '{{.Version}}' k8s.io/api) # v0.37.2
version=v1.${types#v0.}
bin=$CLUSTER_DIR/bin
mkdir -p "$CLUSTER_DIR/module" "$bin/cni" "$CLUSTER_DIR/images"

# module writes a module that requires all that is built. k8s.io/kubernetes replaces the modules that it publishes by folders of
# its repository; here they are replaced by their releases.
module() {
  local sources
  sources=$(cd "$CLUSTER_DIR/module" && GOFLAGS=-mod=mod go mod download -json "k8s.io/kubernetes@$version" | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p')
  [ -f "$sources/go.mod" ] || die "the module k8s.io/kubernetes $version is not available: check GOPROXY"
  local etcd
  etcd=$(awk '$1 == "go.etcd.io/etcd/client/v3" {print $2; exit}' "$sources/go.mod")
  cat > go.mod <<M
// Kubernetes $version, etcd $etcd, network plugins $PLUGINS
module podseal.test/cluster

$(grep -m1 '^go ' "$sources/go.mod")

require (
	k8s.io/kubernetes $version
	go.etcd.io/etcd/server/v3 $etcd
	github.com/containernetworking/plugins $PLUGINS
)

replace (
$(awk -v release="$types" '$2 == "=>" && $3 ~ /^\.\/staging\// {print "\t" $1 " => " $1 " " release}' "$sources/go.mod")
)
M
  rm -f go.sum
}

# build OUTPUT PACKAGE [LDFLAGS]
build() {
  local began=$SECONDS
  CGO_ENABLED=0 nice go build -mod=mod -trimpath -ldflags "-s -w ${3:-}" -o "$1" "$2"
  say "$(basename "$1"): $((SECONDS - began)) s"
}

# pause_image packs podseal's own pause program as the image of the pods' first process.
pause_image() {
  local work=$CLUSTER_DIR/images/pause digest
  rm -rf "$work"
  mkdir -p "$work/root"
  (cd "$ROOT" && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$work/root/pause" ./cmd/podseal-inside)
  tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -C "$work/root" -cf "$work/layer.tar" pause
  digest=$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
  cat > "$work/config.json" <<J
{"architecture": "$(go env GOARCH)", "os": "linux", "config": {"Entrypoint": ["/pause", "pause"], "User": "65535:65535"},
 "rootfs": {"type": "layers", "diff_ids": ["sha256:$digest"]}}
J
  echo "[{\"Config\": \"config.json\", \"RepoTags\": [\"$PAUSE_IMAGE\"], \"Layers\": [\"layer.tar\"]}]" > "$work/manifest.json"
  tar -C "$work" -cf "$CLUSTER_DIR/images/pause.tar" config.json layer.tar manifest.json
}

pause_image
[ "$CLUSTER_BIN" = "$bin" ] || say "using the binaries in $CLUSTER_BIN"
cd "$CLUSTER_DIR/module"
if ! grep -qs "^// Kubernetes $version, .* plugins $PLUGINS$" go.mod; then
  module
  rm -rf "${bin:?}"/*
  mkdir -p "$bin/cni"
fi
stamp="-X k8s.io/component-base/version.gitVersion=$version -X k8s.io/client-go/pkg/version.gitVersion=$version"
for program in kubelet kube-apiserver kube-controller-manager kube-scheduler; do
  [ -x "$CLUSTER_BIN/$program" ] || build "$bin/$program" "k8s.io/kubernetes/cmd/$program" "$stamp"
done
[ -x "$CLUSTER_BIN/etcd" ] || build "$bin/etcd" go.etcd.io/etcd/server/v3
for plugin in main/bridge main/loopback ipam/host-local; do
  [ -x "$bin/cni/${plugin#*/}" ] || build "$bin/cni/${plugin#*/}" "github.com/containernetworking/plugins/plugins/$plugin"
done
