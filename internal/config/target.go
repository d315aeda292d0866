package config

// Target is one container to seal, or the containers of a manifest.
type Target struct {
	// Name names the target on the command line, in reports and in file names. Other targets reach it by this name.
	Name string `json:"name" jsonschema:"pattern=^[a-z0-9]([-a-z0-9]*[a-z0-9])?$,maxLength=63"`
	// Manifest names what to seal instead of an image: files, folders, kustomizations, Helm charts or Compose files.
	Manifest Paths `json:"manifest,omitempty"`
	// Container is the name of the only container of the manifest to seal.
	Container string `json:"container,omitempty"`
	// Service is the only service of a Compose file to run, in a separate pod. The default is one pod with all services.
	Service string `json:"service,omitempty"`
	// Select is the only object of the manifest to seal, KIND/NAME.
	Select string `json:"select,omitempty"`
	// Exclude are objects of the manifest to leave out, KIND/NAME.
	Exclude []string `json:"exclude,omitempty"`
	// With are files with ConfigMaps and Secrets that the manifest refers to.
	With []string `json:"with,omitempty"`
	// Values are files with values for the Helm charts of the manifest.
	Values []string `json:"values,omitempty"`
	// Set are single values for the Helm charts of the manifest, NAME=VALUE.
	Set []string `json:"set,omitempty"`
	// Params are values of the parameters of workflows and tasks, NAME=VALUE.
	Params []string `json:"params,omitempty"`
	// StandIns uses random values for missing ConfigMaps and Secrets.
	StandIns bool `json:"standIns,omitempty"`
	// PodPath finds the pod in objects of unknown kinds: spec.template.spec.
	PodPath string `json:"podPath,omitempty"`
	// AllowHostPath mounts the host folders that the pod names.
	AllowHostPath bool `json:"allowHostPath,omitempty"`

	Runtime
	Settings

	// Completes is set for a job: the container must run to its end and exit 0, which counts as ready.
	Completes bool `json:"completes,omitempty"`
	// Needs are what runs before the target starts: names of services or of other targets, or services of a Compose file.
	Needs []Need `json:"needs,omitempty"`
	// Commands are the e2e commands: shell lines on this machine, lines in the container, or named suites of them. An empty
	// list checks only that the application starts and becomes ready.
	Commands []Command `json:"commands"`
}

// Runtime says how a container runs.
type Runtime struct {
	// Image is the image, as `docker run` takes it.
	Image string `json:"image,omitempty"`
	// Entrypoint replaces the ENTRYPOINT of the image: a program, or a list of it and its first arguments.
	Entrypoint Words `json:"entrypoint,omitempty"`
	// Args replace the CMD of the image.
	Args []string `json:"args,omitempty"`
	// User is UID[:GID] or the name of a user of the image. The default is the USER of the image.
	User Text `json:"user,omitempty"`
	// Workdir is the directory of the container that it starts in.
	Workdir string `json:"workdir,omitempty"`
	// Ports are the TCP ports of the container that are published on free ports of this machine. The first is
	// PODSEAL_PORT. The default is all exposed ports.
	Ports []int `json:"ports,omitempty"`

	Common
}

// Common says how a container runs, for all that defaults can set.
type Common struct {
	// Platform is the platform of the image: linux/arm64.
	Platform string `json:"platform,omitempty"`
	// Env are environment variables. A variable without a value has the one of this machine.
	Env Env `json:"env,omitempty"`
	// EnvFiles are files with environment variables, one NAME=VALUE a line.
	EnvFiles []string `json:"envFiles,omitempty"`
	// Ready are the conditions under which the container counts as ready.
	Ready Ready `json:"ready,omitzero"`
}

// Ready holds the conditions under which a container counts as ready. All that are given must hold.
type Ready struct {
	// HTTP is the path of a GET on the first port that must answer with a status below 400.
	HTTP string `json:"http,omitempty" jsonschema:"pattern=^/"`
	// Log is a regular expression that a line of the log must match.
	Log string `json:"log,omitempty"`
	// Exec is a shell line that must exit 0 in the container.
	Exec string `json:"exec,omitempty"`
	// Command is a shell line that must exit 0 on this machine.
	Command string `json:"command,omitempty"`
	// Timeout limits the wait. The default is 1m.
	Timeout Duration `json:"timeout,omitempty"`
}

// given reports whether there is a condition.
func (r Ready) given() bool { return r.HTTP != "" || r.Log != "" || r.Exec != "" || r.Command != "" }

// Settings say how a target is sealed, and where the result is written.
type Settings struct {
	// Network is a network of the engine to join.
	Network string `json:"network,omitempty"`
	// Soak keeps the application running for this long after the commands.
	Soak Duration `json:"soak,omitempty"`
	// Timeout limits one run. The default is 10m.
	Timeout Duration `json:"timeout,omitempty"`
	// StopTimeout kills the application if it has not stopped after this long. The default is 10s, or the time of the pod.
	StopTimeout Duration `json:"stopTimeout,omitempty"`
	// Strict fails where the sealed run did not do something that the open run did.
	Strict bool `json:"strict,omitempty"`
	// Accept are the exceptions that the target may have.
	Accept []Acceptance `json:"accept,omitempty"`
	// Outputs say where the result is written. Without them it is printed. {name} stands for the name of the target.
	Outputs Outputs `json:"outputs,omitzero"`
}

// Defaults hold for every target that does not set the same key.
type Defaults struct {
	Common
	Settings
}

// Service is a container that targets need, or the services of a Compose file.
type Service struct {
	// Compose is a Compose file to run services of, instead of an image.
	Compose string `json:"compose,omitempty"`
	// Services are the services of the Compose file to run, with those that they depend on. The default is all.
	Services []string `json:"services,omitempty"`
	// Labels are those of the pods of the service in the cluster. Network policies select the service by them.
	Labels map[string]string `json:"labels,omitempty"`

	Runtime
}

// Acceptance is an exception that a target may have.
type Acceptance struct {
	// Setting is the setting that the report names: runAsNonRoot.
	Setting string `json:"setting"`
	// Reason says why the exception is accepted.
	Reason string `json:"reason"`
	// Expires is the last day on which the exception is accepted. Without it, it is always.
	Expires Date `json:"expires,omitempty"`
}

// Outputs say where the result for a target is written. {name} stands for the name of the target.
type Outputs struct {
	// Manifest is the file, or for the format kustomize the folder, of the result.
	Manifest string `json:"manifest,omitempty"`
	// Format is the form of the result. The default is yaml.
	Format string `json:"format,omitempty" jsonschema:"enum=yaml,enum=strategic-merge,enum=json-patch,enum=kustomize,enum=helm-values,enum=compose,enum=docker"`
	// InPlace writes the result into the manifest files of the target.
	InPlace bool `json:"inPlace,omitempty"`
	// KeepToken leaves the pod its service account token in any case.
	KeepToken bool `json:"keepToken,omitempty"`
	// NetworkPolicy is a file for a NetworkPolicy that admits only the ports that listened; with needs in the file, only from
	// the targets that were seen connecting.
	NetworkPolicy string `json:"networkPolicy,omitempty"`
	// Egress adds a NetworkPolicy of egress to that file: only to where the target was seen connecting, and to DNS.
	Egress bool `json:"egress,omitempty"`
	// PodSecurity is a file for a Namespace with labels that enforce the level restricted.
	PodSecurity string `json:"podSecurity,omitempty"`
	// Seal is a file for the seal: the profile with its proof. It is written for `podseal check`.
	Seal string `json:"seal,omitempty"`
}

// Need is what a target needs: a service or a target by its name, or services of a Compose file.
type Need struct {
	// Name is the name of a service or of another target.
	Name string `json:"-"`
	// Compose is a Compose file.
	Compose string `json:"compose"`
	// Services are the services of the Compose file to run, with those that they depend on. The default is all.
	Services []string `json:"services,omitempty"`
}

// Command is one e2e command, or a named suite of them.
type Command struct {
	// Line is a shell line for this machine.
	Line string `json:"-"`
	// Exec is a shell line for the container.
	Exec string `json:"exec,omitempty"`
	// Suite is the name of a suite. The report says which suite needed what.
	Suite string `json:"suite,omitempty"`
	// Commands are the commands of the suite.
	Commands []Step `json:"commands,omitempty"`
}

// Step is one e2e command of a suite.
type Step struct {
	// Line is a shell line for this machine.
	Line string `json:"-"`
	// Exec is a shell line for the container.
	Exec string `json:"exec,omitempty"`
}
