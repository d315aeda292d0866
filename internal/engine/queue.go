package engine

import "context"

// queueKey is the key of what WithQueue adds to a context.
type queueKey struct{}

// WithQueue returns a context for Engine.Start. Start calls enter with the reason when the engine queues the container for lack
// of resources. It calls the returned function when the container has left the queue, or the start has failed. A run does not
// count the time between the two.
func WithQueue(ctx context.Context, enter func(why string) (leave func())) context.Context {
	return context.WithValue(ctx, queueKey{}, enter)
}

// Enqueue reports to the function of WithQueue that a start is queued. The caller calls leave when it is not any longer.
func Enqueue(ctx context.Context, why string) (leave func()) {
	if enter, ok := ctx.Value(queueKey{}).(func(string) func()); ok {
		return enter(why)
	}
	return func() {}
}
