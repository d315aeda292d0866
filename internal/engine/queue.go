package engine

import "context"

// queueKey is the key of what WithQueue adds to a context.
type queueKey struct{}

// WithQueue returns a context for Engine.Start with a function that Start calls when the engine has no room for the
// container yet, with the reason. Start calls what the function returns once there is room, or the wait has ended. A run does
// not count this time.
func WithQueue(ctx context.Context, enter func(why string) (leave func())) context.Context {
	return context.WithValue(ctx, queueKey{}, enter)
}

// Enqueue reports to the function of WithQueue that a start waits for room. The caller calls leave when it does not any
// longer.
func Enqueue(ctx context.Context, why string) (leave func()) {
	if enter, ok := ctx.Value(queueKey{}).(func(string) func()); ok {
		return enter(why)
	}
	return func() {}
}
