package probe

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// GRPC asks a gRPC server for its health, without TLS, as a kubelet does.
func GRPC(ctx context.Context, at, service string) (missing string, err error) {
	conn, err := grpc.NewClient("passthrough:///"+at,
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithUserAgent("kube-probe/podseal"))
	if err != nil {
		return "", fmt.Errorf("asking for the health of gRPC service %q: %w", service, err)
	}
	defer conn.Close()
	answer, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: service})
	switch code := status.Code(err); {
	case code == codes.Unimplemented:
		return "the server has no gRPC health service", nil
	case code == codes.Unavailable, code == codes.DeadlineExceeded:
		return "no answer to a gRPC health check", nil
	case err != nil:
		return fmt.Sprintf("a gRPC health check of service %q ends with status %s", service, code), nil
	case answer.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING:
		return fmt.Sprintf("gRPC service %q is not serving (%s)", service, answer.GetStatus()), nil
	}
	return "", nil
}
