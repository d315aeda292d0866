package inside

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestEmpty(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a/b/c", ".hidden/x"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if code, _ := Main([]string{EmptyCommand, dir}, nil, nil); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if code, _ := Main([]string{EmptyCommand, filepath.Join(dir, "missing")}, nil, nil); code == 0 {
		t.Error("a missing folder is no failure")
	}
}

func TestListening(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var out bytes.Buffer
	code, known := Main([]string{PauseCommand, ListeningArgument}, nil, &out)
	want := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	if code != 0 || !known || !strings.Contains("\n"+out.String(), "\n"+want+"\n") {
		t.Errorf("%d, %v, %q, want a line %s", code, known, out.String(), want)
	}
}

func TestOthersAreNotOurs(t *testing.T) {
	for _, args := range [][]string{nil, {"run"}, {"--help"}} {
		if _, known := Main(args, nil, nil); known {
			t.Errorf("%v is taken for a command inside containers", args)
		}
	}
}
