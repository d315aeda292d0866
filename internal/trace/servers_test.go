//go:build linux && engine

package trace_test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// pairs is how often each of the two is measured, by turns.
const pairs = 7

// postgres makes a database, fills a table, reads it sorted, and prints how many nanoseconds that took.
const postgres = `set -e
export PGDATA=/tmp/data
begin=$(date +%s%N)
initdb --username=postgres --auth=trust >/dev/null
pg_ctl -o "-c listen_addresses='' -k /tmp" -w start >/dev/null
psql -qAt -h /tmp -U postgres -v ON_ERROR_STOP=1 -c "create table words (n int primary key, w text)" \
  -c "insert into words select n, md5(n::text) from generate_series(1, 200000) n" \
  -c "select count(*) from (select w from words order by w offset 0) s" >/dev/null
pg_ctl -m fast -w stop >/dev/null
echo $(( $(date +%s%N) - begin ))`

// BenchmarkPostgres is initdb and 200,000 rows, traced over untraced. The files are in memory: a disk's moods would be
// more than the difference, and the ratio is rather too high without the time of a disk.
func BenchmarkPostgres(b *testing.B) {
	l := needEngine(b)
	image := needImage(b, "postgres")
	for range b.N {
		var took [2][]int64
		for i := range pairs {
			for j := range took {
				which := (i + j) % len(took) // each is the first as often
				took[which] = append(took[which], l.initdb(b, image, which == 1))
			}
		}
		reportPairs(b, took[0], took[1])
	}
}

func (l *lab) initdb(b *testing.B, image string, traced bool) int64 {
	b.Helper()
	flags, argv := []string{"-u", "postgres", "--tmpfs", "/tmp"}, []string{"bash", "-c", postgres}
	if !traced {
		args := append(append([]string{"run", "--rm", "--entrypoint", argv[0]}, flags...), image)
		return number(b, l.must(b, append(args, argv[1:]...)...))
	}
	r := l.startImage(b, image, flags, argv...)
	if code := r.end(b); code != 0 {
		b.Fatal(r.logs(b))
	}
	if s := r.session.Status(); !s.On || s.Lost > 0 {
		b.Fatalf("not traced: %+v", s)
	}
	return number(b, r.logs(b))
}

// BenchmarkNginx is the example's own e2e commands, ten times, traced over untraced. Both servers run all the time.
func BenchmarkNginx(b *testing.B) {
	l := needEngine(b)
	image := needImage(b, "nginx")
	const lines = "{{range .Config.Entrypoint}}{{println .}}{{end}}{{range .Config.Cmd}}{{println .}}{{end}}"
	argv := strings.Split(l.must(b, "inspect", "-f", lines, image), "\n")
	argv = slices.DeleteFunc(argv, func(arg string) bool { return arg == "" })
	publish := []string{"-p", "127.0.0.1::80"}
	for range b.N {
		plain := l.must(b, append(append([]string{"run", "-d"}, publish...), image)...)
		b.Cleanup(func() { _, _ = docker(nil, "rm", "-f", "-v", plain) })
		traced := l.startImage(b, image, publish, argv...)
		traced.started(b)
		var took [2][]int64
		for i := range pairs + 1 {
			for which, id := range []string{plain, traced.id} {
				ns := e2e(b, l, id)
				if i > 0 { // the first one warms up
					took[which] = append(took[which], ns)
				}
			}
		}
		if len(traced.session.Writes()) == 0 {
			b.Fatal("nothing was traced")
		}
		reportPairs(b, took[0], took[1])
	}
}

// e2e runs the example's commands against a container.
func e2e(b *testing.B, l *lab, id string) int64 {
	b.Helper()
	host, port, _ := strings.Cut(l.must(b, "port", id, "80/tcp"), ":")
	begin := time.Now()
	for done := 0; done < 10; {
		cmd := exec.Command("bash", "../../examples/nginx/e2e.sh")
		cmd.Env = append(os.Environ(), "PODSEAL_HOST="+host, "PODSEAL_PORT="+port, "PODSEAL_CONTAINER="+id)
		out, err := cmd.CombinedOutput()
		switch {
		case err == nil:
			done++
		case time.Since(begin) > time.Minute:
			b.Fatalf("%v: %s", err, out)
		default: // it is starting
			time.Sleep(50 * time.Millisecond)
		}
	}
	return time.Since(begin).Nanoseconds()
}

// reportPairs reports the median of the ratios of pairs, and of what each of the two took.
func reportPairs(b *testing.B, plain, traced []int64) {
	ratios := make([]float64, len(plain))
	for i := range plain {
		ratios[i] = float64(traced[i]) / float64(plain[i])
	}
	for _, l := range [][]int64{plain, traced} {
		slices.Sort(l)
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "traced/untraced")
	b.ReportMetric(ratios[0], "least")
	b.ReportMetric(ratios[len(ratios)-1], "most")
	b.ReportMetric(float64(plain[len(plain)/2])/1e6, "untraced-ms")
	b.ReportMetric(float64(traced[len(traced)/2])/1e6, "traced-ms")
}

func number(b *testing.B, s string) (n int64) {
	b.Helper()
	if _, err := fmt.Sscan(s, &n); err != nil {
		b.Fatalf("%q is no number: %v", s, err)
	}
	return n
}
