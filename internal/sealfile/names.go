package sealfile

// StablePath returns a path of a container as every run shows it: "*" stands for the names that a run makes up.
func StablePath(at string) string { return cleaner{}.path(at) }

// StableProcess returns the name of a process as every run shows it: "*" stands for its number among others of its kind.
func StableProcess(name string) string { return cleaner{}.process(name) }
