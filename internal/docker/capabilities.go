package docker

import "github.com/podseal/podseal/internal/engine"

// Capabilities implements engine.Engine.
func (e *Engine) Capabilities() engine.Capabilities {
	return engine.Capabilities{Ports: true, Traces: e.opts.Helper != nil && !e.opts.NoTrace, Restarts: true}
}
