package trace

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/podseal/podseal/internal/observe"
	"github.com/podseal/podseal/internal/trace/wire"
)

// fakeObserver answers requests and sends the messages of a test.
type fakeObserver struct {
	conn net.Conn
	in   *bufio.Reader
}

func attach(t *testing.T) (*Session, *fakeObserver) {
	t.Helper()
	host, far := net.Pipe()
	s := Attach(host)
	t.Cleanup(func() { far.Close(); <-s.Done() })
	return s, &fakeObserver{far, bufio.NewReader(far)}
}

func (f *fakeObserver) say(t *testing.T, lines ...string) {
	t.Helper()
	for _, l := range lines {
		if _, err := fmt.Fprintln(f.conn, l); err != nil {
			t.Fatal(err)
		}
	}
}

// answer sends a reply to the next request, with the request's number in place of N.
func (f *fakeObserver) answer(reply string) {
	line, err := f.in.ReadBytes('\n')
	if err != nil {
		return
	}
	var r wire.Request
	if json.Unmarshal(line, &r) == nil {
		fmt.Fprintln(f.conn, strings.ReplaceAll(reply, "N", fmt.Sprint(r.ID)))
	}
}

func TestSession(t *testing.T) {
	s, f := attach(t)
	f.say(t, `{"k":"hello"}`, `{"k":"on"}`,
		`{"k":"write","key":1,"write":{"path":"/b","call":"open","outcome":"allowed","uid":0,"gid":0,"count":1}}`,
		`{"k":"write","key":2,"write":{"path":"/a","call":"mkdir","outcome":"denied","errno":"EROFS","uid":0,"gid":0,"count":1}}`,
		`{"k":"counts","counts":[[1,5],[99,1]],"lost":3,"noise":4}`,
		`not JSON`, `{"k":"unknown"}`, `{"k":"write","key":7,"write":{"path":"/out-of-order"}}`,
		`{"k":"note","note":"something"}`, `{"k":"note","note":"something"}`,
		`{"k":"bind","bind":{"port":80}}`)
	if err := s.Started(context.Background()); err != nil {
		t.Fatal(err)
	}
	go f.answer(`{"k":"reply","reply":N,"ports":[80,8080]}`)
	ports, err := s.Listening(context.Background())
	if err != nil || !cmp.Equal(ports, []int{80, 8080}) {
		t.Errorf("ports %v, error %v", ports, err)
	}
	want := []observe.Write{
		{Path: "/a", Call: "mkdir", Outcome: observe.Denied, Errno: "EROFS", Count: 1},
		{Path: "/b", Call: "open", Outcome: observe.Allowed, Count: 6},
	}
	if diff := cmp.Diff(want, s.Writes()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(observe.Trace{On: true, Note: "something", Lost: 3}, s.Status()); diff != "" {
		t.Error(diff)
	}
	if s.Noise() != 4 || len(s.Binds()) != 1 {
		t.Errorf("noise %d, binds %v", s.Noise(), s.Binds())
	}
}

func TestSessionErrors(t *testing.T) {
	s, f := attach(t)
	go f.answer(`{"k":"reply","reply":N,"note":"no such folder"}`)
	if _, err := s.Usage(context.Background(), []string{"/x"}); err == nil || !strings.Contains(err.Error(), "no such folder") {
		t.Errorf("error: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	go f.answer(``)
	if err := s.Phase(ctx, observe.E2E); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error: %v", err)
	}
}

// The observer dies with its target, in the middle of anything; the writes that were received are kept.
func TestSessionAfterSuddenEnd(t *testing.T) {
	s, f := attach(t)
	f.say(t, `{"k":"write","key":1,"write":{"path":"/b","call":"open"}}`)
	fmt.Fprint(f.conn, `{"k":"write","key":2,"wri`)
	failed := make(chan error, 1)
	go func() { _, err := s.Listening(context.Background()); failed <- err }()
	_, _ = f.in.ReadBytes('\n')
	f.conn.Close()
	<-s.Done()
	if err := <-failed; !errors.Is(err, ErrLost) {
		t.Errorf("a request at the end: %v", err)
	}
	if err := s.Started(context.Background()); !errors.Is(err, ErrLost) {
		t.Errorf("error: %v", err)
	}
	if _, err := s.Listening(context.Background()); !errors.Is(err, ErrLost) {
		t.Errorf("error: %v", err)
	}
	if got := len(s.Writes()); got != 1 {
		t.Errorf("%d writes", got)
	}
	if got := s.Status(); !got.Broken || got.Lost != 1 || !strings.Contains(got.Note, "was lost before") {
		t.Errorf("status %+v", got)
	}
}

// An observer says that its target has ended, before its stream ends.
func TestSessionAfterTheEnd(t *testing.T) {
	s, f := attach(t)
	f.say(t, `{"k":"on"}`)
	go f.answer(`{"k":"reply","reply":N,"ended":true}`)
	if _, err := s.Listening(context.Background()); !errors.Is(err, ErrEnded) {
		t.Errorf("a request about a target that has ended: %v", err)
	}
	f.say(t, `{"k":"end"}`)
	f.conn.Close()
	<-s.Done()
	if _, err := s.Listening(context.Background()); !errors.Is(err, ErrEnded) {
		t.Errorf("a request after the end: %v", err)
	}
	if diff := cmp.Diff(observe.Trace{On: true}, s.Status()); diff != "" {
		t.Error(diff)
	}
}

// A session that the host closes has lost nothing.
func TestSessionClosed(t *testing.T) {
	s, _ := attach(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	<-s.Done()
	if got := s.Status(); got.Broken || got.Lost != 0 {
		t.Errorf("status %+v", got)
	}
}

func TestSessionOff(t *testing.T) {
	s, f := attach(t)
	f.say(t, `{"k":"off","note":"not traced: the kernel 4.4 is older than 5.5"}`)
	if err := s.Started(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := s.Status(); got.On || got.Note == "" {
		t.Errorf("status %+v", got)
	}
}

func TestArgs(t *testing.T) {
	got := SensorArgs([]string{"app", "-x"}, SensorOptions{Socket: "s1", Wait: time.Second})
	want := []string{"/.podseal/podseal", "sensor", "--socket=s1", "--wait=1s", "--", "app", "-x"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got = ObserverArgs(ObserverOptions{Off: true, PortStart: 1024})
	want = []string{"/.podseal/podseal", "observer", "--socket=socket", "--off", "--port-start=1024"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
