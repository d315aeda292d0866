//go:build engine

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
)

// floor is what `podseal run` does for an application that passes in the first sealed round, by hand and with nothing but
// docker: the open run with its diff, and the sealed run with its restart.
const floor = `
set -euo pipefail
id=
trap '[ -z "$id" ] || docker rm -fv "$id" >/dev/null 2>&1 || true' EXIT
back() {
  export PODSEAL_CONTAINER=$id PODSEAL_HOST=127.0.0.1
  PODSEAL_PORT=$(docker port "$id" "$PORT" | head -n 1 | sed 's/.*://')
  export PODSEAL_PORT
  for _ in $(seq 200); do bash -c "$READY" >/dev/null 2>&1 && break; sleep 0.1; done
  bash "$E2E" >/dev/null
}
run() {
  id=$(docker run -d --label podseal-bench -p "127.0.0.1::$PORT" "$@" "$IMAGE")
  back
}
end() {
  docker stop "$id"
  docker logs "$id"
  docker rm -v "$id"
}
run
docker diff "$id" >/dev/null
end >/dev/null 2>&1
volume=()
[ -z "$MOUNT" ] || volume=(--mount "type=volume,dst=$MOUNT")
run --read-only --cap-drop ALL --security-opt no-new-privileges --user "$RUNAS" --sysctl net.ipv4.ip_unprivileged_port_start=1024 "${volume[@]}"
docker kill -s KILL "$id" >/dev/null
docker start "$id" >/dev/null
back
end >/dev/null 2>&1
`

// unprivileged is nginx as images of it for another user than root have it: a high port, and everything that it writes in /tmp.
const unprivileged = `FROM podseal-example/nginx:latest
RUN sed -i 's/listen 80;/listen 8080;/' /etc/nginx/conf.d/default.conf \
 && sed -i -e '/^user /d' -e 's|/var/run/nginx.pid|/tmp/nginx.pid|' -e 's|/var/cache/nginx/|/tmp/|' /etc/nginx/nginx.conf
USER 101
EXPOSE 8080
ENTRYPOINT ["nginx", "-g", "daemon off;"]
CMD []
`

// benched is an application whose runs are measured: an example, or an image that is made of one.
type benched struct {
	name, image, script string
	mount, user, ready  string
	port                int
}

// benchedExample returns an example, which writes to mount.
func benchedExample(name, mount string) benched {
	ex := examples()[slices.IndexFunc(examples(), func(e example) bool { return e.name == name })]
	return benched{
		name: name, image: "podseal-example/" + name + ":latest", script: filepath.Join(shared.root, "examples", name, "e2e.sh"),
		mount: mount, user: ex.user, ready: ex.ready, port: ex.port,
	}
}

// BenchmarkRunOverFloor measures whole runs against the same work by hand, in turns, so that other load on the machine
// affects both. It reports the median.
func BenchmarkRunOverFloor(b *testing.B) {
	if shared.skip != "" {
		b.Skip(shared.skip)
	}
	nginx := benchedExample("nginx", "/tmp")
	nginx.name, nginx.image, nginx.port = "nginx-unprivileged", built(b, unprivileged, map[string]string{}), 8080
	for _, c := range []benched{benchedExample("memcached", ""), benchedExample("redis", "/data"), nginx} {
		b.Run(c.name, func(b *testing.B) {
			port := strconv.Itoa(c.port)
			byHand := exec.Command("bash", "-c", floor)
			byHand.Env = append(os.Environ(), "IMAGE="+c.image, "PORT="+port, "READY="+c.ready, "E2E="+c.script, "MOUNT="+c.mount, "RUNAS="+c.user)
			sealed := exec.Command(shared.binary, "run", c.image, "--port", port, "-q", "-o", filepath.Join(b.TempDir(), "pod.yaml"), "--", "bash", c.script)
			var ratios []float64
			took(b, sealed) // the engine gets the helper image
			for range b.N {
				ratios = append(ratios, took(b, sealed).Seconds()/took(b, byHand).Seconds())
			}
			slices.Sort(ratios)
			b.ReportMetric(ratios[len(ratios)/2], "run/floor")
		})
	}
}

// took runs a copy of a command and returns how long it took.
func took(b *testing.B, cmd *exec.Cmd) time.Duration {
	b.Helper()
	again := *cmd
	began := time.Now()
	if out, err := again.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	return time.Since(began)
}
