// Package buildstream packs the context that a build sends to the engine, and reads the log that the engine answers with. It
// needs no engine.
package buildstream
