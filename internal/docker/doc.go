// Package docker is the engine: it runs a target under a profile as a kubelet would, and tells what it saw. It is the
// only package that knows the Docker API, so that the client library can be exchanged in one place.
//
// Three habits keep it honest:
//
//   - Everything that it makes (containers, volumes) carries the label podseal=<run id> and a name that begins with
//     podseal-<run id>; Remove, Sweep and GC find their objects by that label and by nothing else.
//   - Objects are made with a context that cannot be cancelled half-way, since an engine goes on making a container
//     whose request was cancelled, and nobody would remember its name.
//   - A sealed run is never kinder than a cluster. Docker's own conveniences (ports below 1024 for everyone, image
//     content copied into volumes, a silent writable volume at each VOLUME path, group membership lost or kept) are
//     each set to what a kubelet does; the comments at the settings name the difference.
//
// One difference stays: Kubernetes gives each container a world-writable /dev/termination-log. Docker mounts a fresh
// tmpfs on /dev at each start, after the last moment at which a file could be put there, so the file is missing.
package docker
