// Package docker is the client of a Docker engine: images and their files, builds, volumes, and single containers as
// primitives. It knows neither pods nor the tracer. It is the only package that knows the Docker API, so that the client
// library can be exchanged in one place.
//
// Two habits keep it honest:
//
//   - Everything that it makes carries the label podseal=<run id> and a name that begins with podseal-<run id>; Sweep and
//     GC find their objects by labels and by nothing else.
//   - Objects are made with a context that cannot be cancelled half-way: an engine continues the creation of a container
//     whose request was cancelled, and its name would be lost.
package docker
