package seal

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// healthMethod is the one call of gRPC's health protocol that a kubelet makes.
const healthMethod = "/grpc.health.v1.Health/Check"

// serving is the status of a service that is well.
const serving = 1

// probeGRPC asks a gRPC server for its health, without TLS, as a kubelet does. The call is one HTTP/2 request with a
// message of one field each way, for which the standard library is enough.
func probeGRPC(ctx context.Context, at, service string) (missing string, err error) {
	var h2c http.Protocols
	h2c.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: &h2c, DisableKeepAlives: true, DisableCompression: true}}
	u := url.URL{Scheme: "http", Host: at, Path: healthMethod}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(healthRequest(service)))
	if err != nil {
		return "", fmt.Errorf("asking for the health of %q: %w", service, err)
	}
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("TE", "trailers")
	req.Header.Set("User-Agent", "kube-probe/podseal")
	resp, err := client.Do(req)
	if err != nil {
		return "no answer to a gRPC health check", nil //nolint:nilerr // no answer yet is what is waited for
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if err != nil {
		return "no whole answer to a gRPC health check", nil //nolint:nilerr // so is this
	}
	// A server that refuses a call at once says so in the header, not in the trailer.
	switch code := cmp.Or(resp.Trailer.Get("Grpc-Status"), resp.Header.Get("Grpc-Status")); {
	case resp.StatusCode != http.StatusOK:
		return "a gRPC health check answers " + resp.Status, nil
	case code == "12":
		return "the server has no gRPC health service", nil
	case code != "0":
		return fmt.Sprintf("a gRPC health check of service %q ends with status %s", service, cmp.Or(code, "none")), nil
	}
	if status := healthStatus(body); status != serving {
		return fmt.Sprintf("gRPC service %q is not serving (%d)", service, status), nil
	}
	return "", nil
}

// healthRequest is a message with the service's name in field 1, in gRPC's frame.
func healthRequest(service string) []byte {
	var message []byte
	if service != "" {
		message = append(message, 1<<3|2)
		message = binary.AppendUvarint(message, uint64(len(service)))
		message = append(message, service...)
	}
	frame := []byte{0}
	frame = binary.BigEndian.AppendUint32(frame, uint32(len(message))) //nolint:gosec // a name of a manifest
	return append(frame, message...)
}

// healthStatus is field 1 of the answer; 0, unknown, where it is not there.
func healthStatus(body []byte) uint64 {
	const frame = 5
	if len(body) < frame+2 || body[0] != 0 || body[frame] != 1<<3 {
		return 0
	}
	status, n := binary.Uvarint(body[frame+1:])
	if n <= 0 {
		return 0
	}
	return status
}
