// Package probe checks whether an application is ready, by the requests that a kubelet makes.
package probe

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/podseal/podseal/internal/target"
)

// Get makes a kubelet's request for a probe or a hook at an address, host and port. No certificate is checked. Redirects
// are followed only where follow is set, and then only within the address. The caller closes the body.
func Get(ctx context.Context, at string, g target.HTTPGet, follow bool) (*http.Response, error) {
	u, err := url.Parse(g.Path)
	if err != nil || u.Opaque != "" {
		u = &url.URL{Path: g.Path} // a kubelet takes an odd path as it is
	}
	u.Scheme, u.Host, u.Path = "http", at, "/"+strings.TrimPrefix(u.Path, "/")
	if g.HTTPS {
		u.Scheme = "https"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", g.Path, err)
	}
	req.Header.Set("User-Agent", "kube-probe/podseal")
	req.Header.Set("Accept", "*/*")
	for _, h := range g.Headers {
		if strings.EqualFold(h[0], "Host") {
			req.Host = h[1]
			continue
		}
		req.Header.Add(h[0], h[1])
	}
	client := &http.Client{
		Transport: &http.Transport{
			DisableKeepAlives: true, DisableCompression: true,
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // a kubelet does not check it, either
		},
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			if !follow || next.URL.Host != at || len(via) >= 10 {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
	return client.Do(req)
}
