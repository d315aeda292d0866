//go:build linux && engine

package trace_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/podseal/podseal/internal/trace"
)

// BenchmarkOpens measures write-opens, and calls on open files and sockets, traced over untraced: two processes of one container open files by turns, so
// that whatever else the machine does meets both.
func BenchmarkOpens(b *testing.B) {
	l := needEngine(b)
	for _, c := range []struct{ name, mode, dir, opens string }{
		{"new", "new", "/tmp", "20000"},
		{"written", "write", "/tmp", "20000"},
		{"same", "same", "/tmp", "20000"},
		{"new-on-tmpfs", "new", "/mem", "20000"},
		{"process", "process", "/mem", "2000"},
		{"read", "socket-read", "/mem", "200000"},
		{"send", "socket-send", "/mem", "200000"},
		{"sendmsg", "socket-sendmsg", "/mem", "200000"},
		{"sendto-address", "socket-sendto", "/mem", "20000"},
		{"connect", "socket-connect", "/mem", "20000"},
	} {
		b.Run(c.name, func(b *testing.B) {
			for range b.N {
				socket := fmt.Sprintf("b%d", time.Now().UnixNano())
				front := trace.SensorArgs(nil, trace.SensorOptions{Socket: socket})
				command := append([]string{"/bin/app", "duel", c.opens, c.mode, c.dir}, front...)
				r := l.startObserved(b, l.image, []string{"--tmpfs", "/mem"}, command, trace.ObserverOptions{Socket: socket})
				if err := r.session.Admit(b.Context(), l.sensorIn(r, time.Minute)); err != nil {
					b.Fatal(err)
				}
				if code := r.end(b); code != 0 {
					b.Fatal(r.logs(b))
				}
				var plain, traced, plainMedian, tracedMedian float64
				if _, err := fmt.Sscan(r.logs(b), &plain, &traced, &plainMedian, &tracedMedian); err != nil {
					b.Fatal(err)
				}
				if len(r.session.Writes()) == 0 && !strings.HasPrefix(c.mode, "socket-") {
					b.Fatal("nothing was traced")
				}
				b.ReportMetric(traced/plain, "traced/untraced")
				b.ReportMetric(tracedMedian/plainMedian, "median-ratio")
				b.ReportMetric(plainMedian, "untraced-ns/open")
				b.ReportMetric(tracedMedian, "traced-ns/open")
			}
		})
	}
}

// BenchmarkStorm is one million events in more folders than the observer keeps.
func BenchmarkStorm(b *testing.B) {
	l := needEngine(b)
	for range b.N {
		const folders, files = 10_000, 99
		s := l.storm(b, folders, files)
		if s.told+s.lost != folders*(files+1) {
			b.Fatalf("%d events were told and %d lost, of %d", s.told, s.lost, folders*(files+1))
		}
		b.ReportMetric(float64(s.took.Nanoseconds())/float64(s.told+s.lost), "ns/event")
		b.ReportMetric(float64(s.lost), "lost")
		b.ReportMetric(float64(s.peak)/1024, "observer-peak-MiB")
	}
}

// BenchmarkStart measures what sensor and observer add to a start: from docker start until the application runs.
func BenchmarkStart(b *testing.B) {
	l := needEngine(b)
	var plain, traced time.Duration
	for i := range b.N {
		id := l.must(b, "create", l.image, "/bin/app", "touch", "/tmp/x"+strconv.Itoa(i))
		begin := time.Now()
		l.must(b, "start", "-a", id)
		plain += time.Since(begin)
		l.must(b, "rm", id)

		socket := fmt.Sprintf("b%d", time.Now().UnixNano())
		command := trace.SensorArgs([]string{"/bin/app", "touch", "/tmp/x"}, trace.SensorOptions{Socket: socket})
		args := []string{"create", "-v", l.volume + ":" + trace.Mountpoint + ":ro", "--entrypoint", command[0], l.image}
		id = l.must(b, append(args, command[1:]...)...)
		begin = time.Now()
		l.must(b, "start", id)
		s := l.observe(b, id, trace.ObserverOptions{Socket: socket})
		<-s.Done()
		traced += time.Since(begin)
	}
	b.ReportMetric(float64(plain.Milliseconds())/float64(b.N), "untraced-ms")
	b.ReportMetric(float64(traced.Milliseconds())/float64(b.N), "traced-ms")
}
