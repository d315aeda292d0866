package main

import (
	"context"

	"github.com/podseal/podseal/internal/podrun"
	"github.com/podseal/podseal/internal/report"
	"github.com/podseal/podseal/internal/trace"
)

// withEngine connects to the engine, calls do, and removes what was made, whatever happened.
func withEngine(ctx context.Context, noTrace bool, progress *report.Progress, do func(*podrun.Engine) error) error {
	engine, err := podrun.Connect(ctx, podrun.Options{Progress: progress.Step, Helper: trace.Binary, NoTrace: noTrace})
	if err != nil {
		return err
	}
	engine.Warm(ctx)
	err = do(engine)
	if left := engine.Sweep(context.WithoutCancel(ctx)); left != nil {
		err = withLeft(err, left)
	}
	_ = engine.Close() // nothing is lost with a connection
	return err
}
