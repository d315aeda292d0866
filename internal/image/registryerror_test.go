package image_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/podseal/podseal/internal/image"
)

func TestRegistryErrors(t *testing.T) {
	for status, want := range map[int]string{
		http.StatusUnauthorized: "docker login", http.StatusForbidden: "docker login", http.StatusNotFound: "check the name and the tag",
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v2/" {
				return
			}
			w.WriteHeader(status)
		}))
		_, err := image.OpenRemote(t.Context(), strings.TrimPrefix(s.URL, "http://")+"/team/app:1", "")
		s.Close()
		if failed := new(image.RegistryError); !errors.As(err, &failed) || !strings.Contains(err.Error(), want) {
			t.Errorf("status %d: %v, want %q", status, err, want)
		}
	}
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	if _, err := image.OpenRemote(t.Context(), strings.TrimPrefix(s.URL, "http://")+"/a:1", ""); err == nil || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("nobody there: %v", err)
	}
}
