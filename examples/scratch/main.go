// A small file store, for an image FROM scratch: PUT /files/NAME goes through a temporary file to /data/NAME.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

const data = "/data"

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("PUT /files/{name}", put)
	mux.HandleFunc("GET /files/{name}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(data, filepath.Base(r.PathValue("name"))))
	})
	server := &http.Server{Addr: ":8080", Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	log.Println("listening on", server.Addr)
	log.Fatal(server.ListenAndServe())
}

func put(w http.ResponseWriter, r *http.Request) {
	size, err := store(filepath.Join(data, filepath.Base(r.PathValue("name"))), r.Body)
	if err != nil {
		log.Println(err)
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintln(w, "stored", size)
}

// store receives the whole body in a temporary file first, so that a cut connection leaves no partial file in data. It
// removes the temporary file before it returns: the container shows no trace of it afterwards.
func store(path string, body io.Reader) (int64, error) {
	temp, err := os.CreateTemp("", "upload-*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(temp.Name())
	defer temp.Close()
	if _, err := io.Copy(temp, body); err != nil {
		return 0, err
	}
	if _, err := temp.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	file, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	size, err := io.Copy(file, temp)
	if err != nil {
		file.Close()
		return 0, err
	}
	return size, file.Close()
}
