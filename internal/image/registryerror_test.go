package image

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

func TestRegistryErrors(t *testing.T) {
	for status, want := range map[int]string{
		http.StatusUnauthorized: "docker login", http.StatusForbidden: "docker login", http.StatusNotFound: "check the name and the tag",
		http.StatusTeapot: "status 418",
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v2/" {
				return
			}
			w.WriteHeader(status)
		}))
		_, err := OpenRemote(t.Context(), strings.TrimPrefix(s.URL, "http://")+"/team/app:1", "")
		s.Close()
		if failed := new(RegistryError); !errors.As(err, &failed) || !strings.Contains(err.Error(), want) {
			t.Errorf("status %d: %v, want %q", status, err, want)
		}
	}
	ref, err := name.ParseReference("registry.test/a:1")
	if err != nil {
		t.Fatal(err)
	}
	busy := registryError(t.Context(), ref, &transport.Error{StatusCode: http.StatusTooManyRequests}) // over the network it is repeated first
	if !strings.Contains(busy.Error(), "too many requests") {
		t.Errorf("status 429: %v", busy)
	}
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // the refused handshake
	address := strings.Replace(strings.TrimPrefix(secure.URL, "https://"), "127.0.0.1", "registry.test", 1)
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, strings.TrimPrefix(secure.URL, "https://"))
	}
	_, err = openRemote(t.Context(), address+"/a:1", "", &http.Transport{DialContext: dial})
	if err == nil || !strings.Contains(err.Error(), "certificate that is not trusted") {
		t.Errorf("an unknown authority: %v", err)
	}
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	if _, err := OpenRemote(t.Context(), strings.TrimPrefix(s.URL, "http://")+"/a:1", ""); err == nil || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("nobody there: %v", err)
	}
}
