// A small API that counts visits in Redis: GET /visits. With AUDIT_LOG it also writes a line to that
// file at its start and for each visit.
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	if err := audit("start"); err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /visits", visits)
	server := &http.Server{Addr: ":8080", Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	log.Println("listening on", server.Addr)
	log.Fatal(server.ListenAndServe())
}

func visits(w http.ResponseWriter, r *http.Request) {
	n, err := increment(r.Context(), "visits")
	if err == nil {
		err = audit("visit " + n)
	}
	if err != nil {
		log.Println(err)
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintln(w, n)
}

// increment adds one to a key of the store at STORE and returns its value.
func increment(ctx context.Context, key string) (string, error) {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", os.Getenv("STORE"))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "INCR %s\r\n", key); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return "", err
	}
	n, ok := strings.CutPrefix(strings.TrimSpace(line), ":")
	if !ok {
		return "", fmt.Errorf("the store answers %q", line)
	}
	return n, nil
}

// audit appends a line to the file that AUDIT_LOG names, and makes its folder.
func audit(line string) error {
	name := os.Getenv("AUDIT_LOG")
	if name == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = fmt.Fprintln(file, line)
	return err
}
