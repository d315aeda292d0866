package engine

// Capabilities says what an engine can do beyond running containers under a profile. The zero value can do nothing else.
type Capabilities struct {
	// Ports is set where a process on this machine can connect to Container.Ports.
	Ports bool
	// Traces is set where Container.Writes and Container.DeniedPorts report, unless the trace of a run says otherwise.
	Traces bool
	// Restarts is set where Container.Restart works.
	Restarts bool
}
